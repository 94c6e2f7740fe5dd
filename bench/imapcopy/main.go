// Imapcopy copies an account through the words of package transport alone:
// list, fetch, keep, put in batches, without ledger or conversion. It shows
// what these words cost beside the raw sockets of bench/probe.
//
//	imapcopy [-workers N] SOURCE-ADDRESS SINK-ADDRESS
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"runtime/pprof"
	"sync"

	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/all"
	"github.com/mailconv/mailconv/transport/spool"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("imapcopy: ")
	workers := flag.Int("workers", 2, "folders at once")
	profile := flag.String("cpuprofile", "", "write a CPU profile")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			log.Fatal(err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			log.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	if err := run(context.Background(), flag.Arg(0), flag.Arg(1), *workers); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, from, to string, workers int) error {
	env := &transport.Env{Secret: func(context.Context, transport.Address) (string, error) { return "secret", nil }}
	a, err := transport.ParseAddress(from)
	if err != nil {
		return err
	}
	b, err := transport.ParseAddress(to)
	if err != nil {
		return err
	}
	src, err := all.Registry().OpenSource(ctx, a, env)
	if err != nil {
		return err
	}
	defer src.Close()
	snk, err := all.Registry().OpenSink(ctx, b, env)
	if err != nil {
		return err
	}
	defer snk.Close()
	keep := spool.New(24<<20, "")
	defer keep.Close()

	jobs := make(chan transport.Folder)
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			var failed error
			for f := range jobs {
				if failed == nil {
					failed = folder(ctx, src, snk.(transport.BatchSink), keep, f)
				}
			}
			errs <- failed
		})
	}
	var list error
	for f, err := range src.Folders(ctx) {
		if err != nil {
			list = err
			break
		}
		if !f.NoItems {
			jobs <- f
		}
	}
	close(jobs)
	wg.Wait()
	close(errs)
	for err := range errs {
		list = errors.Join(list, err)
	}
	return list
}

func folder(ctx context.Context, src transport.Source, snk transport.BatchSink, keep *spool.Spool, f transport.Folder) error {
	to, err := snk.Ensure(ctx, f)
	if err != nil {
		return err
	}
	metas := map[transport.Key]transport.Meta{}
	var keys []transport.Key
	for m, err := range src.Items(ctx, f, nil) {
		if err != nil {
			return err
		}
		metas[m.Key] = m
		keys = append(keys, m.Key)
	}
	limit, most := snk.BatchLimit()
	var batch []transport.Staged
	var size int64
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		results, err := snk.PutBatch(ctx, to, batch)
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		for _, s := range batch {
			err = errors.Join(err, s.Content.Close())
		}
		batch, size = batch[:0], 0
		return err
	}
	for fe, err := range src.Fetch(ctx, f, keys, []transport.Form{transport.FormMIME}) {
		if err = errors.Join(err, fe.Err); err != nil {
			return err
		}
		c, err := keep.Keep(ctx, fe.Content)
		if err != nil {
			return err
		}
		if size+c.MIME.Size() > most {
			if err := flush(); err != nil {
				return err
			}
		}
		batch = append(batch, transport.Staged{Meta: metas[fe.Key], Content: c})
		size += c.MIME.Size()
		if len(batch) == limit {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
