<?php
declare(strict_types=1);

namespace Pushd\Platform;

/** Something is set wrongly: a person must act. The text holds no secret. */
final class ConfigError extends \Exception
{
}
