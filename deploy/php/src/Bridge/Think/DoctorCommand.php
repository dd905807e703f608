<?php
declare(strict_types=1);

namespace Pushd\Platform\Bridge\Think;

use Pushd\Platform\Config;
use Pushd\Platform\Console\Doctor;
use think\console\Command;
use think\console\Input;
use think\console\Output;

/** php think pushd:doctor */
final class DoctorCommand extends Command
{
    protected function configure()
    {
        $this->setName('pushd:doctor')->setDescription('检查设置、表、权限、时钟，以及能否连上 pushd');
    }

    protected function execute(Input $input, Output $output)
    {
        return (new Doctor(function (): Config {
            return $this->app->make(Config::class);
        }, fopen('php://output', 'w')))->run();
    }
}
