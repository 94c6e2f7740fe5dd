package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/mime"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/secret"
	"github.com/mailconv/mailconv/transport/spool"
	"github.com/mailconv/mailconv/transport/throttle"
	"github.com/mailconv/mailconv/transport/trace"
)

// copySession is what the commands that copy need: two stores, a ledger,
// options, and a way to show what happens.
type copySession struct {
	ctx     context.Context
	source  transport.Source
	sink    transport.Sink
	pair    ledger.Pair
	state   string
	ledger  *ledger.Ledger
	options migrate.Options
	show    *copyProgress
	names   []string // of reports
	mask    *secret.Redactor
	log     io.Closer // nil without --log

	spool  *spool.Spool
	closed bool
}

// workerJoin is how long the next worker waits in a run with a server.
const workerJoin = time.Second

// openCopy opens both stores of a command line.
func openCopy(c *cli.Context, std stdio) (_ *copySession, err error) {
	if c.NArg() != 2 {
		return nil, usagef("name a source and a sink")
	}
	s := &copySession{ctx: c.Context, mask: maskOf(c), names: c.StringSlice("report"), state: c.String("state"), spool: spool.New(spoolBudget, "")}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for _, name := range s.names {
		if !reportKind(name) {
			return nil, usagef("--report %s: the name must end in .html, .json or .csv", name)
		}
	}
	cv, err := converterOf(c)
	if err != nil {
		return nil, err
	}
	cv.Spool = s.spool
	if s.options, err = optionsOf(c, cv, s.spool); err != nil {
		return nil, err
	}
	if s.show, err = newCopyProgress(c.String("progress"), c.Bool("verbose"), std); err != nil {
		return nil, err
	}
	s.options.Observer = s.show.event
	var from, to transport.Address
	if from, to, err = s.open(c, cv); err != nil {
		return nil, err
	}
	if len(s.options.Filter.Folders)+len(s.options.Filter.Exclude) == 0 && inside(to, from) {
		return nil, usagef("the sink lies inside the source, and each run would copy the copies; name another one, or leave it out with --exclude")
	}
	resolveWith(cv, s.source, s.sink)
	switch {
	case s.options.Workers > 0:
	case from.Host == "" && to.Host == "":
		// Nobody has to be waited for.
		s.options.Workers = min(runtime.GOMAXPROCS(0), 4)
	default:
		s.options.Join = workerJoin
	}
	s.pair = ledger.Pair{Source: from.String(), Sink: to.String()}
	if s.state == "" {
		if s.state, err = ledger.DefaultPath(s.pair); err != nil {
			return nil, err
		}
	}
	if s.options.Quarantine == "" {
		s.options.Quarantine = strings.TrimSuffix(s.state, ".ledger") + ".quarantine"
	}
	if rate := bytesOf(c, "rate"); rate > 0 {
		s.source = throttle.New(throttle.Limits{Bytes: rate}).Source(s.source)
	}
	if name := c.String("log"); name != "" {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, usagef("--log: %w", err)
		}
		s.log = f
		l := logger(f, s.mask)
		s.source, s.sink = trace.Source(s.source, l.With("store", "source")), trace.Sink(s.sink, l.With("store", "sink"))
	}
	return s, nil
}

// open opens both stores. A server is logged in to while the source is opened,
// when the secret for it is at hand: a stored login may be that of the source
// too, and is not renewed by two at once. A sink on this machine is made only
// when there is a source.
func (s *copySession) open(c *cli.Context, cv *converters.Converter) (from, to transport.Address, err error) {
	type opened struct {
		sink transport.Sink
		to   transport.Address
		err  error
	}
	open := func() (o opened) {
		o.sink, o.to, o.err = openSink(c, c.Args().Get(1), sinkRole, cv)
		return o
	}
	done := make(chan opened, 1)
	a, perr := transport.ParseAddress(c.Args().Get(1))
	early := perr == nil && a.Host != "" && secretGiven(c, sinkRole, a)
	if early {
		go func() { done <- open() }()
	}
	if s.source, from, err = openSource(c, c.Args().Get(0), sourceRole, cv); err != nil {
		if early {
			// Nobody waits for a sink that may not answer.
			go func() {
				if o := <-done; o.sink != nil {
					o.sink.Close()
				}
			}()
		}
		return from, a, err
	}
	if !early {
		done <- open()
	}
	o := <-done
	s.sink = o.sink
	return from, o.to, o.err
}

// resolveWith lets the first store that has an address book resolve Exchange
// addresses, where nothing else was named for it.
func resolveWith(cv *converters.Converter, stores ...any) {
	for _, st := range stores {
		if r, ok := transport.As[mime.Resolver](st); ok && cv.Resolver == nil {
			cv.Resolver = r
		}
	}
}

// logger writes a JSON line for each call to a store, without secrets.
func logger(w io.Writer, mask *secret.Redactor) *slog.Logger {
	return slog.New(mask.Handler(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

// begin takes the ledger.
func (s *copySession) begin() (err error) {
	if s.ledger, err = ledger.Open(s.ctx, s.state, s.pair); err != nil {
		if errors.Is(err, ledger.ErrInUse) || errors.Is(err, ledger.ErrOtherPair) {
			return &exitError{exitUsage, err}
		}
		return err
	}
	s.ledger.Mask(s.mask.String)
	s.show.say("ledger " + s.ledger.Path())
	return nil
}

func (s *copySession) run(o migrate.Options) (*migrate.Result, error) {
	res, err := migrate.Run(s.ctx, s.source, s.sink, s.ledger, o)
	s.show.finish()
	return res, err
}

// reports are written also when the run was interrupted.
func (s *copySession) reports() error {
	return writeReports(context.WithoutCancel(s.ctx), s.names, s.ledger)
}

// closeSink closes the sink once, as its last write may fail there.
func (s *copySession) closeSink() error {
	if s.closed || s.sink == nil {
		return nil
	}
	s.closed = true
	return s.sink.Close()
}

// close releases what is open; what could fail in a way that matters was
// closed before.
func (s *copySession) close() {
	_ = s.closeSink()
	if s.source != nil {
		_ = s.source.Close()
	}
	if s.ledger != nil {
		_ = s.ledger.Close()
	}
	_ = s.spool.Close()
	if s.log != nil {
		_ = s.log.Close()
	}
}
