<?php
declare(strict_types=1);

use PHPUnit\Framework\TestCase;
use Pushd\Platform\Tables;

final class TablesTest extends TestCase
{
    public function testNames(): void
    {
        $sql = 'SELECT a.{activity.id}, `{activity.title}` FROM {activity} a JOIN {user} u, {unknown} WHERE x = \'{"a":1}\'';
        self::assertSame('SELECT a.id, `title` FROM activity a JOIN user u, {unknown} WHERE x = \'{"a":1}\'', (new Tables())->sql($sql));
        $own = new Tables(['prefix' => 'lv_', 'activity' => 'db2.groups', 'activity.title' => 'desc']);
        self::assertSame('SELECT a.id, `desc` FROM `db2`.`groups` a JOIN lv_user u, {unknown} WHERE x = \'{"a":1}\'', $own->sql($sql));
        self::assertSame('title', $own->known('desc'));
        self::assertSame('other', $own->known('other'));
    }

    public function testMigrations(): void
    {
        $own = new Tables(['prefix' => 'lv_', 'host_form' => 'forms']);
        self::assertSame('CREATE TABLE IF NOT EXISTS lv_host_follow (', $own->plain('CREATE TABLE IF NOT EXISTS host_follow ('));
        self::assertSame('CREATE INDEX host_form_at ON forms (made_at)', $own->plain('CREATE INDEX host_form_at ON host_form (made_at)'));
        self::assertSame('SELECT 1 FROM activity', $own->plain('SELECT 1 FROM activity'), 'the platform\'s are named in braces');
    }

    public function testProbes(): void
    {
        $probes = (new Tables())->probes();
        self::assertSame(['activity', 'activity_detail', 'user', 'user_wx_account', 'user_wx_config'], array_keys($probes));
        self::assertSame('SELECT {user.uin}, {user.edition} FROM {user} WHERE 1 = 0', $probes['user']);
        self::assertStringNotContainsString('audience', implode($probes));
    }
}
