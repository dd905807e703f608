<?php
/** Receipts, by the package's class: written down, and handed on to pushd. */
declare(strict_types=1);

use Pushd\Platform\Callback\Receipts;
use Pushd\Platform\Config;
use Pushd\Platform\Db\DatabaseClock;

function receipts(Host $host): Receipts
{
    return new Receipts(Config::checked($host->config), $host->connection(), new DatabaseClock($host->connection()));
}
