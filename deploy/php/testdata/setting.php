<?php
// Prints the setting whose name is argument 1.
require __DIR__ . '/../lib.php';
echo pushd_config()[$argv[1]];
