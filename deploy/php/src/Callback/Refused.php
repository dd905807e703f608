<?php
declare(strict_types=1);

namespace Pushd\Platform\Callback;

/** A request that is not WeChat's, or is not one now. The code is the HTTP status to answer. */
final class Refused extends \Exception
{
    /** Which rule was broken, for programs: malformed, signature, stale. */
    public $rule;

    public function __construct(int $status, string $rule, string $text)
    {
        parent::__construct($text, $status);
        $this->rule = $rule;
    }
}
