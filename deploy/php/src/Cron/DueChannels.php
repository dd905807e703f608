<?php
declare(strict_types=1);

namespace Pushd\Platform\Cron;

use Pushd\Platform\Clock;
use Pushd\Platform\Config;
use Pushd\Platform\Db\Connection;

/** The channels that are due, by due_query. */
final class DueChannels
{
    private $db;
    private $config;
    private $clock;

    public function __construct(Connection $db, Config $config, Clock $clock)
    {
        $this->db = $db;
        $this->config = $config;
        $this->clock = $clock;
    }

    /** The first channels that are due at a time, earliest start first. */
    public function read(int $when, int $limit): array
    {
        $sql = $this->config->get('due_query');
        $args = [
            ':now' => $when, ':latest' => $when + $this->config->get('lead'),
            ':oldest' => $this->clock->now() - $this->config->get('grace'), ':limit' => $limit,
        ];
        foreach (array_keys($args) as $name) {
            if (strpos($sql, $name) === false) {
                unset($args[$name]); // a query of your own need not use all
            }
        }
        $channels = [];
        foreach ($this->db->query($sql, $args)->fetchAll() as $row) {
            $channels[] = new Channel((int) $row['act_id'], (int) $row['start_time'], (string) $row['appid']);
        }
        return $channels;
    }
}
