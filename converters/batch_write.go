package converters

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
	if st, err := os.Stat(name); err == nil && !st.Mode().IsRegular() && !st.IsDir() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(content(f), f.Close())
	}
	if _, err := os.Lstat(name); err == nil && !b.Force {
		return fmt.Errorf("%s is there already; --force overwrites it", name)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return WriteFile(name, content)
}

// WriteFile writes a file beside its final name and renames it when write
// returned without error; otherwise nothing is left behind.
func WriteFile(name string, write func(io.Writer) error) (err error) {
	// Not os.CreateTemp: its files are private, these get the user's umask.
	temp := filepath.Join(filepath.Dir(name), fmt.Sprintf(".mailconv-%d-%d.tmp", os.Getpid(), tempCount.Add(1)))
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

var tempCount atomic.Int64

// renameError drops the system call and the temporary name.
func renameError(err error) error {
	var le *os.LinkError
	if errors.As(err, &le) {
		return le.Err
	}
	return err
}
