package converters

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mailconv/mailconv/transport/filename"
)

// job is one input file with the place of its output.
type job struct {
	in     string
	out    string // without the extension; "" is Stdout
	exact  bool   // out is the final name
	walked bool
	err    error
}

// plan finds the input files and the names of their outputs.
func (b *Batch) plan(inputs []string) ([]job, error) {
	if len(inputs) == 0 {
		return nil, usagef("no input was named")
	}
	if b.Workers < 0 {
		return nil, usagef("%d workers are none; name 1 or more, or 0 for one for each processor", b.Workers)
	}
	dir, err := b.outIsFolder(inputs)
	if err != nil {
		return nil, err
	}
	var jobs []job
	for _, in := range inputs {
		j := job{in: in, out: stem(in)}
		base := stem(filepath.Base(in))
		if in == "-" {
			j.out, base = "", "message"
		} else if st, err := os.Stat(in); err != nil {
			j.err = plainPathError(err)
		} else if st.IsDir() {
			jobs = append(jobs, b.walk(in)...)
			continue
		}
		switch {
		case b.Out == "-":
			j.out = ""
		case dir:
			j.out = filepath.Join(b.Out, base)
		case b.Out != "":
			j.out, j.exact = b.Out, true
		}
		jobs = append(jobs, j)
	}
	if len(jobs) == 1 && dir && !jobs[0].walked && b.archive(jobs[0].in) {
		jobs[0].out = b.Out
	}
	distinct(jobs)
	return jobs, nil
}

// archive reports whether an input holds a tree of folders.
func (b *Batch) archive(name string) bool {
	if b.To.Many {
		return false // all items go to one file
	}
	if b.From != nil {
		return b.From.Tree()
	}
	st, err := os.Stat(name)
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	from, err := Sniff(&Input{Name: name, R: f, Size: st.Size()})
	return err == nil && from != nil && from.Tree()
}

// outIsFolder reports whether Out names a folder, there or to be made.
func (b *Batch) outIsFolder(inputs []string) (bool, error) {
	if b.Out == "" || b.Out == "-" {
		return false, nil
	}
	if b.joins(inputs) {
		return false, nil
	}
	many := len(inputs) > 1
	if st, err := os.Stat(inputs[0]); err == nil && st.IsDir() {
		many = true
	}
	if st, err := os.Stat(b.Out); err == nil {
		if many && !st.IsDir() {
			return false, usagef("%s is a file, and there can be many outputs; name a folder with -o", b.Out)
		}
		return st.IsDir(), nil
	}
	if os.IsPathSeparator(b.Out[len(b.Out)-1]) {
		return true, nil
	}
	if f, ok := ByName(filepath.Ext(b.Out)); many && ok {
		return false, usagef("%s would be a folder, and is called like a file of format %s; name a folder with -o, or write one stream with -o -", b.Out, f.Name)
	}
	return many, nil
}

// distinct gives two inputs that would be written to one file (a.msg and a.oft,
// or x/a.msg and y/a.msg into one folder) names of their own. Files that are called
// like mail choose first: a picture beside a letter does not rename it.
func distinct(jobs []job) {
	taken := map[string]bool{}
	choose := func(j *job) {
		if j.out == "" || j.exact || j.err != nil {
			return
		}
		name := j.out
		for n := 2; taken[filename.Fold(name)]; n++ {
			name = fmt.Sprintf("%s (%d)", j.out, n)
		}
		j.out = name
		taken[filename.Fold(name)] = true
	}
	for _, mail := range []bool{true, false} {
		for i := range jobs {
			if namedAsMail(jobs[i].in) == mail {
				choose(&jobs[i])
			}
		}
	}
}

// namedAsMail reports whether a file is called like a message, so that it is a
// failure, and not another file, when nothing can be read of it. The names
// .json and .html say nothing.
func namedAsMail(name string) bool {
	if strings.EqualFold(filepath.Base(name), "winmail.dat") {
		return true
	}
	if hasExt(name, ".ost") {
		return true
	}
	f, ok := ByName(filepath.Ext(name))
	return ok && f.Readable() && f != jsonFormat && f != htmlFormat
}

// walk lists the files of a folder. Links to files are followed, links to
// folders are not: they can lead in circles.
func (b *Batch) walk(root string) []job {
	var jobs []job
	fail := func(path string, err error) { jobs = append(jobs, job{in: path, err: plainPathError(err)}) }
	skip, _ := filepath.Abs(b.Out)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			fail(path, err)
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
		kind := d.Type()
		if kind&fs.ModeSymlink != 0 {
			st, err := os.Stat(path)
			if err != nil {
				fail(path, err)
				return nil
			}
			kind = st.Mode().Type()
		}
		if !kind.IsRegular() {
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
	if err != nil {
		fail(root, err)
	}
	return jobs
}

// outName is the file of the n-th item of an input; "" is Stdout.
func (b *Batch) outName(j job, n int) string {
	name, ext := j.out, b.To.Ext
	if name == "" {
		return ""
	}
	if j.exact {
		ext = filepath.Ext(name)
		name = strings.TrimSuffix(name, ext)
	}
	if n > 1 {
		name = fmt.Sprintf("%s-%04d", name, n)
	}
	return name + ext
}

func stem(path string) string {
	if ext := filepath.Ext(path); ext != "" && len(ext) < len(filepath.Base(path)) {
		return path[:len(path)-len(ext)]
	}
	return path
}
