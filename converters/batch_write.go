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
		return fmt.Errorf("%s is there already; --force overwrites it", name)
	}
	return WriteFile(name, content)
}

// writeNew writes a file that is not there, in a folder that may not be there.
func (b *Batch) writeNew(name string, content func(io.Writer) error) error {
	dir := filepath.Dir(name)
	if _, made := b.made.Load(dir); !made {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		b.made.Store(dir, nil)
	}
	return WriteFile(name, content)
}

// WriteFile writes a file beside its final name and renames it when write
// returned without error; otherwise nothing is left behind.
func WriteFile(name string, write func(io.Writer) error) (err error) {
	// Not os.CreateTemp: its files are private, these get the user's umask.
	temp := filepath.Join(filepath.Dir(name), tempPrefix+strconv.FormatInt(tempCount.Add(1), 10)+".tmp")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
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
	if err = os.Rename(temp, name); err != nil {
		return fmt.Errorf("%s cannot be written: %w", name, renameError(err))
	}
	return nil
}

var (
	tempPrefix = ".mailconv-" + strconv.Itoa(os.Getpid()) + "-"
	tempCount  atomic.Int64
)

// renameError drops the system call and the temporary name.
func renameError(err error) error {
	var le *os.LinkError
	if errors.As(err, &le) {
		return le.Err
	}
	return err
}
