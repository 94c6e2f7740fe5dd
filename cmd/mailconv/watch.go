package main

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mailconv/mailconv/transport"
)

func watchCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "watch",
		Usage:     "copy, then carry over what arrives until told to stop",
		ArgsUsage: "[options] SOURCE SINK",
		Flags: append([]cli.Flag{
			&cli.DurationFlag{Name: "every", Usage: "look at everything again after `TIME`, and in sources that cannot tell of changes", Value: 5 * time.Minute},
		}, copyFlags()...),
		Description: `The cut-over of a migration: the first copy, then each change as it comes. A
source that can tell of changes (IMAP IDLE) is listened to. Stop it with
Ctrl-C; the state is saved, and copy or watch go on from there.

EXAMPLE:
   mailconv watch imaps://zoe@old.example imaps://zoe@new.example`,
		Action: func(c *cli.Context) error { return runWatch(c, std) },
	}
}

func runWatch(c *cli.Context, std stdio) error {
	if c.Duration("every") <= 0 {
		return usagef("--every wants a time as in 5m")
	}
	s, err := openCopy(c, std)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.begin(); err != nil {
		return err
	}
	complete := true
	for c.Context.Err() == nil {
		res, err := s.run(s.options)
		if c.Context.Err() != nil {
			break
		}
		if stopsWatch(err) {
			return err
		}
		if err != nil {
			s.show.say(err.Error())
		}
		s.show.result(res)
		complete = err == nil && res.Complete()
		s.show.say("watching; Ctrl-C stops")
		if err := s.wait(c.Duration("every")); err != nil && c.Context.Err() == nil {
			s.show.say("changes cannot be listened to: " + err.Error())
		}
	}
	if err := errors.Join(s.closeSink(), s.reports()); err != nil {
		return err
	}
	if !complete {
		return &exitError{code: exitSomeFailed}
	}
	return &exitError{exitInterrupted, errors.New("stopped; the state is saved")}
}

// stopsWatch reports whether waiting does not help.
func stopsWatch(err error) bool {
	switch transport.KindOf(err) {
	case transport.Auth, transport.Usage:
		return true
	}
	return false
}

// settle is how long changes are gathered before they are carried over.
const settle = 2 * time.Second

// wait returns when the source tells of a change, and after the time at the
// latest.
func (s *copySession) wait(every time.Duration) error {
	ctx, cancel := context.WithTimeout(s.ctx, every)
	defer cancel()
	w, ok := transport.As[transport.Watcher](s.source)
	if !ok {
		<-ctx.Done()
		return nil
	}
	var folders []transport.Folder
	for f, err := range s.source.Folders(ctx) {
		if err != nil {
			<-ctx.Done()
			return err
		}
		if f.Err == nil && !f.NoItems {
			folders = append(folders, f)
		}
	}
	for _, err := range w.Watch(ctx, folders) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			<-ctx.Done()
			return err
		}
		select {
		case <-time.After(settle):
		case <-ctx.Done():
		}
		return nil
	}
	return nil
}
