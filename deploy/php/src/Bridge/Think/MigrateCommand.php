<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Think;

use Pushd\Platform\Config;
use Pushd\Platform\Console\Migrate;
use think\console\Command;
use think\console\Input;
use think\console\input\Option;
use think\console\Output;

/** php think pushd:migrate */
final class MigrateCommand extends Command
{
    protected function configure()
    {
        $this->setName('pushd:migrate')
            ->addOption('host', null, Option::VALUE_NONE, '同时创建微信回调和示例平台的表')
            ->addOption('print', null, Option::VALUE_NONE, '只打印 SQL，不执行')
            ->setDescription('建表和升级表');
    }

    protected function execute(Input $input, Output $output)
    {
        return Migrate::command(function (): Config {
            return $this->app->make(Config::class);
        }, (bool) $input->getOption('host'), (bool) $input->getOption('print'), fopen('php://output', 'w'), fopen('php://stderr', 'w'));
    }
}
