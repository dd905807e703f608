<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Think;

use Pushd\Platform\Config;
use Pushd\Platform\Console\Housekeeping;
use think\console\Command;
use think\console\Input;
use think\console\input\Argument;
use think\console\Output;

/** php think pushd:housekeeping receipts|tidy */
final class HousekeepingCommand extends Command
{
    protected function configure()
    {
        $this->setName('pushd:housekeeping')
            ->addArgument('task', Argument::IS_ARRAY, 'receipts [once] 或 tidy')
            ->setDescription('转交回执；清理过期记录');
    }

    protected function execute(Input $input, Output $output)
    {
        return Housekeeping::command(function (): Config {
            return $this->app->make(Config::class);
        }, (array) $input->getArgument('task'), fopen('php://output', 'w'), fopen('php://stderr', 'w'));
    }
}
