# Rows a second of the ledger, durable (synchronous=FULL) in the batches of the
# engine. Aim: 20,000.
go test -run '^$' -bench Rows -benchtime 3x ./converters/ledger | grep Benchmark
