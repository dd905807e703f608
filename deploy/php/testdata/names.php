<?php
// Looks for what "php -l" can't see: names of classes, functions, methods, constants
// and properties that are not there, calls with too few or too many arguments, imports
// that are not used. A small static check, of what its files say by themselves: it
// follows $this, self, static, parent and names of classes, and no other variables.
//
//   php names.php AUTOLOADER FILE…
declare(strict_types=1);

use PhpParser\Node;
use PhpParser\Node\Expr;
use PhpParser\NodeTraverser;
use PhpParser\NodeVisitor\NameResolver;
use PhpParser\NodeVisitorAbstract;
use PhpParser\ParserFactory;

require '/usr/share/php/PhpParser/autoload.php'; // Debian's php-parser

final class Names extends NodeVisitorAbstract
{
    public $found = [];
    private $class = [];
    private $imports = [];
    private $own; // functions that the file declares, or asks for before it calls them

    public function __construct(string $code)
    {
        preg_match_all('/^function (\w+)|function_exists\(\'(\w+)\'\)/m', $code, $m);
        $this->own = array_merge($m[1], $m[2]);
    }

    public function enterNode(Node $node)
    {
        if ($node instanceof Node\Stmt\ClassLike) {
            $this->class[] = $node->namespacedName !== null ? $node->namespacedName->toString() : null; // null: without a name
        } elseif ($node instanceof Node\Stmt\UseUse) {
            $this->imports[$node->getAlias()->toString()] = $node->getStartLine();
        } elseif ($node instanceof Node\Name\FullyQualified) {
            $this->name($node);
        } elseif ($node instanceof Expr\New_ && $node->class instanceof Node\Name) {
            $this->method($node, $node->class, '__construct', $node->args);
        } elseif ($node instanceof Expr\StaticCall && $node->class instanceof Node\Name && $node->name instanceof Node\Identifier) {
            $this->method($node, $node->class, $node->name->toString(), $node->args);
        } elseif ($node instanceof Expr\MethodCall && $this->isThis($node->var) && $node->name instanceof Node\Identifier) {
            $this->method($node, new Node\Name('self'), $node->name->toString(), $node->args);
        } elseif ($node instanceof Expr\PropertyFetch && $this->isThis($node->var) && $node->name instanceof Node\Identifier) {
            $class = $this->reflect(new Node\Name('self'));
            if ($class !== null && !$class->hasProperty($node->name->toString())) {
                $this->say($node, '$this->' . $node->name . ' is not declared');
            }
        } elseif ($node instanceof Expr\ClassConstFetch && $node->class instanceof Node\Name && $node->name instanceof Node\Identifier) {
            $class = $this->reflect($node->class);
            if ($class !== null && $node->name->toString() !== 'class' && !$class->hasConstant($node->name->toString())) {
                $this->say($node, $node->class . '::' . $node->name . ' is no constant');
            }
        } elseif ($node instanceof Expr\FuncCall && $node->name instanceof Node\Name) {
            $this->call($node);
        }
        return null;
    }

    public function leaveNode(Node $node)
    {
        if ($node instanceof Node\Stmt\ClassLike) {
            array_pop($this->class);
        }
        return null;
    }

    /** Is every import used, be it in a comment? */
    public function finish(string $code): void
    {
        $rest = preg_replace('/^use [^;]+;$/m', '', $code);
        foreach ($this->imports as $name => $line) {
            if (!preg_match('/\b' . preg_quote($name, '/') . '\b/', $rest)) {
                $this->found[] = "$line: the import $name is not used";
            }
        }
    }

    private function isThis(Node $node): bool
    {
        return $node instanceof Expr\Variable && $node->name === 'this';
    }

    private function say(Node $node, string $text): void
    {
        $this->found[] = $node->getStartLine() . ': ' . $text;
    }

    /** The class of a name as far as it is known. */
    private function reflect(Node\Name $name): ?ReflectionClass
    {
        $text = $name->toString();
        if (in_array($text, ['self', 'static', 'parent'], true)) {
            $own = end($this->class);
            if ($own === false || $own === null) {
                return null;
            }
            $class = $this->exists($own) ? new ReflectionClass($own) : null;
            if ($class === null) {
                return null;
            }
            return $text === 'parent' ? ($class->getParentClass() ?: null) : $class;
        }
        return $this->exists($text) ? new ReflectionClass($text) : null;
    }

    private function exists(string $class): bool
    {
        return class_exists($class) || interface_exists($class) || trait_exists($class);
    }

    /** A fully qualified name: of a class, of a function, of a constant. */
    private function name(Node\Name $node): void
    {
        $text = $node->toString();
        if (!$this->exists($text) && !function_exists($text) && !defined($text) && !in_array($text, $this->own, true)) {
            $this->say($node, "$text is not there");
        }
    }

    private function call(Expr\FuncCall $node): void
    {
        $name = $node->name->toString();
        $short = $node->name->getLast();
        $function = function_exists($name) ? $name : (function_exists($short) ? $short : '');
        if ($function === '') {
            if (!in_array($short, $this->own, true)) {
                $this->say($node, "the function $name is not there");
            }
        } else {
            $this->arguments($node, new ReflectionFunction($function), $node->args);
        }
    }

    private function method(Node $node, Node\Name $of, string $method, array $args): void
    {
        $class = $this->reflect($of);
        if ($class === null) {
            return;
        }
        if ($class->hasMethod($method)) {
            $this->arguments($node, $class->getMethod($method), $args);
        } elseif ($method === '__construct' ? $args !== [] : !$class->hasMethod('__call') && !$class->hasMethod('__callStatic')) {
            $this->say($node, $class->getName() . "::$method() is not there");
        }
    }

    private function arguments(Node $node, ReflectionFunctionAbstract $of, array $args): void
    {
        foreach ($args as $arg) {
            if ($arg->unpack) {
                return;
            }
        }
        $given = count($args);
        if ($given < $of->getNumberOfRequiredParameters() || $given > $of->getNumberOfParameters() && !$of->isVariadic()) {
            $this->say($node, $of->getName() . "() is called with $given arguments");
        }
    }
}

function names_main(array $args): int
{
    require array_shift($args);
    $faults = 0;
    foreach ($args as $file) {
        $code = (string) file_get_contents($file);
        $names = new Names($code);
        $traverser = new NodeTraverser();
        $traverser->addVisitor(new NameResolver(null, ['preserveOriginalNames' => true]));
        $traverser->addVisitor($names);
        $traverser->traverse((new ParserFactory())->create(ParserFactory::PREFER_PHP7)->parse($code));
        $names->finish($code);
        foreach ($names->found as $text) {
            $faults++;
            echo "$file:$text\n";
        }
    }
    return $faults === 0 ? 0 : 1;
}

exit(names_main(array_slice($argv, 1)));
