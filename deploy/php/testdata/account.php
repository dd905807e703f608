<?php
// The models that the recipes speak of, for both frameworks: the account wx1, which is
// also found in capitals, as MySQL does, and those who follow it.
declare(strict_types=1);

/** A token as an object, for Laravel, and as an array, for ThinkPHP. */
final class PlatformToken extends ArrayObject
{
    public $value;

    public function __construct(string $value)
    {
        parent::__construct(['value' => $value, 'left' => 7000]);
        $this->value = $value;
    }

    public function secondsLeft(): int
    {
        return 7000;
    }
}

final class Account
{
    public $appid = 'wx1';
    private $found = false;

    public static function where(string $column, $appid): self
    {
        $query = new self();
        $query->found = $column === 'appid' && is_string($appid) && strtolower($appid) === 'wx1';
        return $query;
    }

    public function first(): ?self
    {
        return $this->found ? $this : null;
    }

    public function find(): ?self
    {
        return $this->first();
    }

    public function accessToken(): PlatformToken
    {
        return new PlatformToken('marked-token-of-the-platform');
    }

    public function renewAccessToken(): PlatformToken
    {
        return new PlatformToken('marked-token-renewed');
    }
}

/** Notes in a file who follows, and fails while there is another. */
final class Follower
{
    public static function note(string $appid, string $openid, bool $follows): void
    {
        if (is_file(getenv('FOLLOWERS') . '.fail')) {
            throw new RuntimeException('the platform can\'t note it');
        }
        file_put_contents(getenv('FOLLOWERS'), "$appid $openid " . ($follows ? 'follows' : 'left') . "\n", FILE_APPEND);
    }
}

class_alias(Account::class, 'App\\Models\\Account'); // PHP's names of classes know no case:
class_alias(Account::class, 'app\\model\\Account');  // the recipes' differ in more than that
class_alias(Follower::class, 'App\\Models\\Follower');
class_alias(Follower::class, 'app\\model\\Follower');
