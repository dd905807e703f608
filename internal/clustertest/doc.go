// Package clustertest runs the real program on a real cluster of the database:
// three nodes of Galera and three pushd on loopback. It kills, freezes and cuts
// off nodes and processes, and lets the simulated WeChat's ledger judge: nobody
// lost, nobody told twice.
//
// go test runs one scenario; make cluster runs all, and writes the table in
// docs/reliability.md. It is no part of the product.
package clustertest
