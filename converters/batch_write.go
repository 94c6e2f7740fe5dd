package converters

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
)

// write writes one file under its final name, or nothing at all; "" is Stdout.
// Devices and pipes are written to as they are.
func (b *Batch) write(r *Result, name string, content func(io.Writer) error) error {
	if name == "" {
		return content(b.Stdout)
	}
	err := b.writeNamed(name, content)
	if err == nil {
		r.Out = append(r.Out, name)
	}
	return err
}

func (b *Batch) writeNamed(name string, content func(io.Writer) error) error {
	if fresh, _ := b.made.Load(filepath.Dir(name)); fresh == true {
		// Only this batch writes there.
		return b.writeNew(name, content)
	}
	_, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return b.writeNew(name, content)
	}
	if st, err := os.Stat(name); err == nil && !st.Mode().IsRegular() && !st.IsDir() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(content(f), f.Close())
	}
	if err == nil && !b.Force {
		return thereAlready(name)
	}
	return WriteFile(name, content)
}

// writeNew writes a file that is not there, in a folder that may not be there.
func (b *Batch) writeNew(name string, content func(io.Writer) error) error {
	dir := filepath.Dir(name)
	if _, made := b.made.Load(dir); !made {
		if err := b.makeFolder(dir); err != nil {
			return err
		}
	}
	return writeFile(name, content, func(temp, name string) error {
		err := renameNew(temp, name)
		switch {
		case !errors.Is(err, fs.ErrExist):
			return err
		case b.Force:
			return os.Rename(temp, name)
		}
		return thereAlready(name)
	})
}

// makeFolder makes a folder with its parents, and notes whether it is new.
func (b *Batch) makeFolder(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	err := os.Mkdir(dir, 0o777)
	switch {
	case err == nil:
		b.made.Store(dir, true)
		return nil
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	b.made.LoadOrStore(dir, false)
	return os.MkdirAll(dir, 0o777) // for its words when it is no folder
}

// thereAlready is the error of a file that is not overwritten.
func thereAlready(name string) error {
	return fmt.Errorf("%s is there already; --force overwrites it", name)
}

// WriteFile writes a file beside its final name and renames it when write
// returned without error; otherwise nothing is left behind.
func WriteFile(name string, write func(io.Writer) error) error {
	return writeFile(name, write, os.Rename)
}

func writeFile(name string, write func(io.Writer) error, rename func(temp, name string) error) (err error) {
	// Not os.CreateTemp: its files are private, these get the user's umask.
	temp := filepath.Join(filepath.Dir(name), tempPrefix+strconv.FormatInt(tempCount.Add(1), 10)+".tmp")
	f, err := createNew(temp)
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", name, plainPathError(err))
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
	err = rename(temp, name)
	if le := (*os.LinkError)(nil); errors.As(err, &le) {
		// Without the system call and the temporary name.
		err = fmt.Errorf("%s cannot be written: %w", name, le.Err)
	}
	return err
}

var (
	tempPrefix = ".mailconv-" + strconv.Itoa(os.Getpid()) + "-"
	tempCount  atomic.Int64
)
