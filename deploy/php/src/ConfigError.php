<?php
declare(strict_types=1);

namespace Pushd\Platform;

/** Something is set wrongly: a person must act. The text holds no secret. */
final class ConfigError extends \Exception
{
    /** The same for those who may not know where things are on this machine. */
    public $outside;

    public function __construct(string $text, string $outside = '')
    {
        parent::__construct($text);
        $this->outside = $outside !== '' ? $outside : $text;
    }
}
