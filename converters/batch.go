package converters

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/mailconv/mailconv/mapi"
)

// A Batch converts files, and folders of files, in parallel.
//
// With one input file and no Out the result lies beside the input with the new
// extension. With Out a folder, inputs keep their names, and folders their tree
// below it. Files are written beside their final name and renamed when they
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
	// Done is told of each file when it is done; calls do not overlap.
	Done func(Result)
}

// A Result is what became of one input file.
type Result struct {
	In string
	// Out are the files written.
	Out []string
	// Items is the number of items converted, Failed of those given up.
	Items, Failed int
	// Skipped says why a file of a walked folder was left alone: it is of no
	// known format.
	Skipped  string
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
	// Unread is the number of files of which nothing could be read, Failed of
	// items that were given up, Lossy of files that lost content.
	Unread, Failed, Lossy int
	Problems              int
}

// A UsageError is a request that makes no sense, as against a failure.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// job is one input file with the place of its output.
type job struct {
	in     string
	out    string // without the extension; "" is Stdout
	exact  bool   // out is the final name
	walked bool
	err    error
}

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
	work := make(chan job)
	results := make(chan Result)
	var wg sync.WaitGroup
	for range min(workers, max(len(jobs), 1)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range work {
				results <- b.convert(ctx, j, cv)
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
	for r := range results {
		sum.Items += r.Items
		sum.Problems += len(r.Problems)
		switch {
		case r.Skipped != "":
			sum.Skipped++
		default:
			sum.Files++
			sum.Failed += r.Failed
			if r.Err != nil {
				sum.Unread++
			} else if r.Problems.Severe() {
				sum.Lossy++
			}
		}
		if b.Done != nil {
			b.Done(r)
		}
	}
	return sum, ctx.Err()
}

// plan finds the input files and the names of their outputs.
func (b *Batch) plan(inputs []string) ([]job, error) {
	if len(inputs) == 0 {
		return nil, usagef("no input was named")
	}
	dir, single := false, len(inputs) == 1
	if b.Out != "" && b.Out != "-" {
		st, err := os.Stat(b.Out)
		dir = err == nil && st.IsDir() || os.IsPathSeparator(b.Out[len(b.Out)-1]) || !single
		if err == nil && !st.IsDir() && !single {
			return nil, usagef("%s is a file, and there are %d inputs; name a folder with -o", b.Out, len(inputs))
		}
	}
	var jobs []job
	for _, in := range inputs {
		if in == "-" {
			j := job{in: "-", out: "message"}
			switch {
			case b.Out == "" || b.Out == "-":
				j.out = ""
			case dir:
				j.out = filepath.Join(b.Out, "message")
			default:
				j.out, j.exact = b.Out, true
			}
			jobs = append(jobs, j)
			continue
		}
		st, err := os.Stat(in)
		switch {
		case err != nil:
			jobs = append(jobs, job{in: in, err: plainPathError(err)})
		case st.IsDir():
			if b.Out != "" && b.Out != "-" && !dir && single {
				dir = true // the folder is made
			}
			walked, err := b.walk(in)
			if err != nil {
				return nil, err
			}
			jobs = append(jobs, walked...)
		default:
			j := job{in: in, out: stem(in)}
			switch {
			case b.Out == "-":
				j.out = ""
			case dir:
				j.out = filepath.Join(b.Out, stem(filepath.Base(in)))
			case b.Out != "":
				j.out, j.exact = b.Out, true
			}
			jobs = append(jobs, j)
		}
	}
	return b.distinct(jobs), nil
}

// distinct gives two inputs that would be written to one file (a.msg and a.oft,
// or x/a.msg and y/a.msg into one folder) names of their own.
func (b *Batch) distinct(jobs []job) []job {
	taken := map[string]bool{}
	for i := range jobs {
		j := &jobs[i]
		if j.out == "" || j.exact || j.err != nil {
			continue
		}
		name := j.out
		for n := 2; taken[name]; n++ {
			name = fmt.Sprintf("%s (%d)", j.out, n)
		}
		j.out = name
		taken[name] = true
	}
	return jobs
}

func (b *Batch) walk(root string) ([]job, error) {
	var jobs []job
	skip, _ := filepath.Abs(b.Out)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			jobs = append(jobs, job{in: path, err: plainPathError(err)})
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			// An output folder inside the input is not input.
			if abs, _ := filepath.Abs(path); b.Out != "" && abs == skip && path != root {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		j := job{in: path, out: stem(path), walked: true}
		switch {
		case b.Out == "-":
			j.out = ""
		case b.Out != "":
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			j.out = filepath.Join(b.Out, stem(rel))
		}
		jobs = append(jobs, j)
		return nil
	})
	return jobs, err
}

func stem(path string) string {
	if ext := filepath.Ext(path); ext != "" && len(ext) < len(filepath.Base(path)) {
		return path[:len(path)-len(ext)]
	}
	return path
}

// plainPathError drops the system call from an error of package os.
func plainPathError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func (b *Batch) convert(ctx context.Context, j job, cv *Converter) Result {
	r := Result{In: j.in, Err: j.err}
	if r.Err != nil {
		return r
	}
	in, release, err := b.open(j.in)
	if err != nil {
		r.Err = plainPathError(err)
		return r
	}
	defer release()
	from := b.From
	if from == nil {
		from, err = Sniff(in)
		if err == nil && from == nil {
			if j.walked {
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
	b.items(ctx, &r, j, from, in, cv)
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

func (b *Batch) items(ctx context.Context, r *Result, j job, from *Format, in *Input, cv *Converter) {
	n := 0
	for it, err := range from.Read(ctx, in, cv) {
		if err != nil {
			if n == 0 {
				r.Err = err
			} else {
				r.Failed++
				r.Errs = append(r.Errs, err)
			}
			return
		}
		n++
		name := j.out
		if from.Many && n > 1 && name != "" && !(b.To.Many && j.exact) {
			name = fmt.Sprintf("%s-%04d", stemIf(name, j.exact), n)
			if j.exact {
				name += filepath.Ext(j.out)
			}
		}
		if name != "" && !j.exact {
			name += b.To.Ext
		}
		if it.Err != nil {
			r.Failed++
			r.Errs = append(r.Errs, it.Err)
			continue
		}
		if err := b.write(ctx, name, it, cv); err != nil {
			if ctx.Err() != nil {
				r.Err = ctx.Err()
				return
			}
			r.Failed++
			r.Errs = append(r.Errs, err)
			continue
		}
		r.Items++
		for _, p := range it.Problems {
			r.Problems.Add(p)
		}
		r.Losses = append(r.Losses, it.Losses...)
		if name != "" {
			r.Out = append(r.Out, name)
		}
	}
}

func stemIf(name string, cut bool) string {
	if cut {
		return stem(name)
	}
	return name
}

// write writes one item under its final name, or nothing at all.
func (b *Batch) write(ctx context.Context, name string, it *Item, cv *Converter) error {
	if name == "" {
		return b.To.Write(ctx, b.Stdout, it, cv)
	}
	if !b.Force {
		if _, err := os.Lstat(name); err == nil {
			return fmt.Errorf("%s is there already; --force overwrites it", name)
		}
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return WriteFile(name, func(w io.Writer) error { return b.To.Write(ctx, w, it, cv) })
}

// WriteFile writes a file beside its final name and renames it when write
// returned without error; otherwise nothing is left behind.
func WriteFile(name string, write func(io.Writer) error) (err error) {
	// Not os.CreateTemp: its files are private, these get the user's umask.
	temp := filepath.Join(filepath.Dir(name), fmt.Sprintf(".mailconv-%d-%d.tmp", os.Getpid(), tempCount.Add(1)))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(temp)
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(temp, name)
}

var tempCount atomic.Int64

func (b *Batch) open(name string) (*Input, func(), error) {
	if name == "-" {
		return b.openStdin()
	}
	return OpenInput(name)
}

// OpenInput opens a file for reading.
func OpenInput(name string) (*Input, func(), error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = errors.New("is a folder")
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return &Input{Name: name, R: f, Size: st.Size()}, func() { f.Close() }, nil
}

// openStdin gives random access to standard input: as it is when it is a file,
// else through the spool.
func (b *Batch) openStdin() (*Input, func(), error) {
	if b.Stdin == nil {
		return nil, nil, errors.New("there is no standard input")
	}
	if f, ok := b.Stdin.(*os.File); ok {
		if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
			return &Input{Name: "-", R: f, Size: st.Size()}, func() {}, nil
		}
	}
	cv := b.Converter
	if cv == nil {
		cv = &Converter{}
	}
	buf := cv.spool().Create()
	if _, err := io.Copy(buf, b.Stdin); err != nil {
		buf.Close()
		return nil, nil, err
	}
	blob, err := buf.Blob()
	if err != nil {
		buf.Close()
		return nil, nil, err
	}
	r, size, release, err := cv.ReaderAt(context.Background(), blob)
	if err != nil {
		buf.Close()
		return nil, nil, err
	}
	return &Input{Name: "-", R: r, Size: size}, func() { release(); buf.Close() }, nil
}
