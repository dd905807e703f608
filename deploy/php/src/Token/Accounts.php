<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;

/** The platform's accounts and their secrets, by account_query. */
final class Accounts
{
    private $db;
    private $query;

    public function __construct(Connection $db, Config $config)
    {
        $this->db = $db;
        $this->query = $config->get('account_query');
    }

    /**
     * The secret of an account. Two owners who hold one appid with different secrets,
     * or one of them with none, can't both be right: neither gets the other's token.
     */
    public function secret(string $text): string
    {
        $secrets = array_unique($this->secrets($text));
        if ($secrets === []) {
            throw new Unavailable('unknown appid', 404);
        }
        if (count($secrets) > 1) {
            throw new Unavailable('several owners hold this appid, with different secrets; an account belongs to one owner', 409);
        }
        $secret = reset($secrets);
        if ($secret === '') {
            // WeChat need not be asked; it answers 41004.
            throw new Unavailable('the platform has no app secret of this account (AppSecret 未填写)', 404);
        }
        return $secret;
    }

    /**
     * The secrets of all who hold this very appid. $text is the appid as an owner
     * keeps it: with blanks that the database compares and pushd does not.
     */
    private function secrets(string $text): array
    {
        $appid = Appid::canonical($text);
        $secrets = [];
        if (!Appid::isValid($appid)) {
            return []; // no owner's; and columns of ASCII compare with ASCII alone
        }
        foreach (array_unique([$appid, $text]) as $spelling) {
            foreach ($this->db->query($this->query, [$spelling])->fetchAll() as $row) {
                // The database may have found other spellings. A query of your own
                // that does not give the appid has to compare it itself.
                $row = array_change_key_case($row);
                if (!array_key_exists('appid', $row) || Appid::canonical((string) $row['appid']) === $appid) {
                    $secrets[] = trim((string) reset($row)); // pasted with blanks or line ends
                }
            }
        }
        return $secrets;
    }
}
