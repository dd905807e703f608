<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Think;

use Pushd\Platform\Config;
use Pushd\Platform\Console\Cron;
use think\console\Command;
use think\console\Input;
use think\console\Output;

/** php think pushd:cron */
final class CronCommand extends Command
{
    protected function configure()
    {
        $this->setName('pushd:cron')->setDescription('提交到点的开播提醒');
    }

    protected function execute(Input $input, Output $output)
    {
        return (new Cron(function (): Config {
            return $this->app->make(Config::class);
        }, fopen('php://output', 'w'), fopen('php://stderr', 'w')))->run();
    }
}
