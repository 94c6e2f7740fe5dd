package converters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"

	"github.com/mailconv/mailconv/mapi"
)

// A Batch converts files, and folders of files, in parallel.
//
// With one input file and no Out the result lies beside the input with the new
// extension. With Out a folder, inputs keep their names, and folders their tree
// below it. Where Out is named like a file of a format that holds many items
// (all.ics, all.vcf, all.mbox), the items of all inputs go into that file. So does an archive, whose items go to a file each in the folder of
// their folder; a single archive has its tree right below Out. Files are written beside their final name and renamed when they
// are whole, so no half file is ever seen.
type Batch struct {
	// To is the format to write.
	To *Format
	// From is the format of all inputs; nil recognises each by its content.
	From *Format
	// Out is a file, a folder, "" or "-" for Stdout.
	Out string
	// Stdin and Stdout stand behind the name "-".
	Stdin  io.Reader
	Stdout io.Writer
	// Force overwrites files that are there.
	Force bool
	// Workers is the number of files at a time; 0 is one for each processor.
	Workers int
	// Converter holds the options of the conversion; nil is the default.
	Converter *Converter
	// Started is told how many files there are, before the first is done.
	Started func(files int)
	// Done is told of each file when it is done, and before that of each item
	// of an archive; calls do not overlap.
	Done func(Result)

	perArchive int               // items of an archive at a time
	made       sync.Map          // folders that were made
	join       func(*Item) error // takes the items of all inputs
}

// A Result is what became of one input file.
type Result struct {
	In string
	// Part says that it is about one item of an archive. That about the
	// archive follows, and does not count its items again.
	Part bool
	// Out are the files written.
	Out []string
	// Items is the number of items converted, Failed of those given up.
	Items, Failed int
	// Skipped says why a file of a walked folder was left alone: it is of no
	// known format.
	Skipped string
	// Left counts the items of an archive that were left alone, by reason.
	Left     map[string]int
	Problems mapi.Problems
	Losses   []mapi.Loss
	// Err is set when nothing of the file could be used; the errors of single
	// items are in Errs.
	Err  error
	Errs []error
}

// A Summary counts over a batch.
type Summary struct {
	Files, Items, Skipped int
	// Left is the number of items of archives that were left alone.
	Left int
	// Unread is the number of files of which nothing could be read, Failed of
	// items that were given up, Lossy of files and items of archives that
	// lost content.
	Unread, Failed, Lossy int
	Problems              int
}

// A UsageError is a request that makes no sense, as against a failure.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Run converts the inputs. It returns an error when it was cancelled or asked
// for something that makes no sense; what became of files is in the results.
func (b *Batch) Run(ctx context.Context, inputs []string) (Summary, error) {
	var sum Summary
	if b.To == nil || !b.To.Writable() {
		return sum, usagef("no format to write was named")
	}
	jobs, err := b.plan(inputs)
	if err != nil {
		return sum, err
	}
	if b.Started != nil {
		b.Started(len(jobs))
	}
	workers := b.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if b.Out == "-" {
		workers = 1 // outputs follow each other
	}
	cv := b.Converter
	if cv == nil {
		cv = &Converter{}
	}
	if b.joins(inputs) {
		return b.runJoined(ctx, jobs, cv)
	}
	b.perArchive = max(workers/max(len(jobs), 1), 1)
	work := make(chan job)
	results := make(chan []Result, workers)
	var wg sync.WaitGroup
	for range min(workers, max(len(jobs), 1)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range work {
				results <- []Result{b.convert(ctx, j, cv, func(list ...Result) { results <- list })}
			}
		}()
	}
	go func() {
		defer func() { close(work); wg.Wait(); close(results) }()
		for _, j := range jobs {
			select {
			case work <- j:
			case <-ctx.Done():
				return
			}
		}
	}()
	for list := range results {
		for _, r := range list {
			sum.add(&r)
			if b.Done != nil {
				b.Done(r)
			}
		}
	}
	return sum, ctx.Err()
}

// add counts a result.
func (sum *Summary) add(r *Result) {
	sum.Items += r.Items
	sum.Problems += len(r.Problems)
	sum.Failed += r.Failed
	for _, n := range r.Left {
		sum.Left += n
	}
	if r.Err == nil && r.Problems.Severe() {
		sum.Lossy++
	}
	switch {
	case r.Part:
	case r.Skipped != "":
		sum.Skipped++
	default:
		sum.Files++
		if r.Err != nil {
			sum.Unread++
		}
	}
}

// plainPathError drops the system call from an error of package os.
func plainPathError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func (b *Batch) convert(ctx context.Context, j job, cv *Converter, tell func(...Result)) Result {
	r := Result{In: j.in, Err: j.err}
	if r.Err != nil {
		return r
	}
	in, release, err := b.open(ctx, j.in)
	if err != nil {
		r.Err = plainPathError(err)
		return r
	}
	defer release()
	from := b.From
	if from == nil {
		from, err = Sniff(in)
		if err == nil && from == nil {
			if j.walked && !namedAsMail(j.in) {
				r.Skipped = "not a message of a known format"
				return r
			}
			err = unknownFormat(in)
		}
		if err != nil {
			r.Err = plainPathError(err)
			return r
		}
	}
	if b.join != nil {
		b.each(ctx, &r, j, from, in, cv, b.join)
		return r
	}
	if from.Tree() && !b.To.Many && j.out != "" {
		b.tree(ctx, &r, j, from, in, cv, tell)
		return r
	}
	b.items(ctx, &r, j, from, in, cv)
	var fe *mapi.FormatError
	if j.walked && !namedAsMail(j.in) && errors.As(r.Err, &fe) && fe.Problem.Unsupported {
		r.Err, r.Skipped = nil, fe.Problem.Detail // a spreadsheet is a compound file too
	}
	return r
}

func unknownFormat(in *Input) error {
	if in.Size == 0 {
		return errors.New("the file is empty")
	}
	head := make([]byte, min(in.Size, 8))
	_, _ = in.R.ReadAt(head, 0)
	return fmt.Errorf("offset 0x0: not a message of a known format: it begins with % X; name the format with --from if it is one", head)
}

// items converts the items of one file. A format of many items takes all of
// them in one file; of the others each has a file of its own.
func (b *Batch) items(ctx context.Context, r *Result, j job, from *Format, in *Input, cv *Converter) {
	if !b.To.Many || j.out == "" {
		n := 0
		b.each(ctx, r, j, from, in, cv, func(it *Item) error {
			n++
			return b.write(r, b.outName(j, n), func(w io.Writer) error { return b.To.Write(ctx, w, it, cv) })
		})
		return
	}
	err := b.write(r, b.outName(j, 1), func(w io.Writer) error {
		out := &stickyWriter{w: w}
		add, done := b.To.writer(ctx, out, cv)
		b.each(ctx, r, j, from, in, cv, add)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case r.Items == 0:
			return errNoItem
		}
		return errors.Join(done(), out.err)
	})
	if err != nil && err != errNoItem && r.Err == nil {
		r.Failed += max(r.Items, 1)
		r.Items = 0
		r.Errs = append(r.Errs, err)
	}
}

var errNoItem = errors.New("nothing to write")

// A stickyWriter remembers that a write failed: the file has a hole then.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	if err != nil && s.err == nil {
		s.err = err
	}
	return n, err
}

// each calls convert for each item of a file, and counts what became of it. What
// was not named and has no form in the target is left alone: mails among the
// appointments of an archive or folder.
func (b *Batch) each(ctx context.Context, r *Result, j job, from *Format, in *Input, cv *Converter, convert func(*Item) error) {
	for it, err := range from.Read(ctx, in, cv) {
		switch {
		case err != nil && r.Items+r.Failed == 0:
			r.Err = err
			return
		case err == nil && it.Err == nil:
			err = convert(it)
		case err == nil:
			err = it.Err
		}
		if ctx.Err() != nil {
			r.Err = ctx.Err()
			return
		}
		var none *NoFormError
		if errors.As(err, &none) && (j.walked || from.Many || from.Tree()) {
			if r.Left == nil {
				r.Left = map[string]int{}
			}
			r.Left["of the class "+none.Class+", without a form in "+none.Format]++
			continue
		}
		if err != nil {
			r.Failed++
			r.Errs = append(r.Errs, err)
			continue
		}
		r.Items++
		for _, p := range it.Problems {
			r.Problems.Add(p)
		}
		r.Losses = append(r.Losses, it.Losses...)
	}
}

// open gives random access to an input: standard input, a file, or a pipe with
// a name.
func (b *Batch) open(ctx context.Context, name string) (*Input, func(), error) {
	if name == "-" {
		if b.Stdin == nil {
			return nil, nil, errors.New("there is no standard input")
		}
		if f, ok := b.Stdin.(*os.File); ok {
			if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
				return &Input{Name: name, R: f, Size: st.Size()}, func() {}, nil
			}
		}
		return b.spooled(ctx, name, b.Stdin)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	switch {
	case err != nil:
	case st.IsDir():
		err = errors.New("is a folder")
	case st.Mode().IsRegular():
		return &Input{Name: name, R: f, Size: st.Size()}, func() { f.Close() }, nil
	default:
		defer f.Close()
		return b.spooled(ctx, name, f)
	}
	f.Close()
	return nil, nil, err
}

// spooled gives random access to what can be read once.
func (b *Batch) spooled(ctx context.Context, name string, from io.Reader) (*Input, func(), error) {
	cv := b.Converter
	if cv == nil {
		cv = &Converter{}
	}
	buf := cv.spool().Create()
	fail := func(err error) (*Input, func(), error) {
		buf.Close()
		return nil, nil, err
	}
	// A read of a terminal or pipe cannot be called off, only left behind, and
	// the buffer with it.
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(buf, from)
		copied <- err
	}()
	select {
	case err := <-copied:
		if err != nil {
			return fail(err)
		}
	case <-ctx.Done():
		go func() { <-copied; buf.Close() }()
		return nil, nil, ctx.Err()
	}
	blob, err := buf.Blob()
	if err != nil {
		return fail(err)
	}
	r, size, release, err := cv.ReaderAt(ctx, blob)
	if err != nil {
		return fail(err)
	}
	return &Input{Name: name, R: r, Size: size}, func() { release(); buf.Close() }, nil
}
