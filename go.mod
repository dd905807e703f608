module pushd

go 1.26
