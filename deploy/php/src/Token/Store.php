<?php
declare(strict_types=1);

namespace Pushd\Platform\Token;

/** Where the records of tokens are kept. All web servers see the same. */
interface Store
{
    /** The record of an account; an empty one where there is none. */
    public function find(string $appid): Record;

    /** Those records of some accounts that are there. */
    public function findAll(array $appids): array;

    /** Keeps a record, unless its lock has passed to another. */
    public function save(Record $record): void;

    /**
     * Takes the right to ask WeChat for an account's token, waiting so many seconds
     * at most. Returns the function that gives it back, which never throws, or null
     * if it was not free in time. The right of one who has died ends by itself.
     */
    public function lock(string $appid, int $wait): ?callable;
}
