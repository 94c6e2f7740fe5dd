package converters

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// createNew makes a file that is not there. os.OpenFile would first try whether
// it can wait for the file, which takes five more system calls.
func createNew(name string) (*os.File, error) {
	for {
		fd, err := unix.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o666)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), name), nil
		case !errors.Is(err, unix.EINTR):
			return nil, &os.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// renameNew renames a file, unless there is one of that name (fs.ErrExist).
func renameNew(from, to string) error {
	for {
		err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
		switch err {
		case nil:
			return nil
		case unix.EINTR:
			continue
		case unix.EINVAL, unix.ENOSYS, unix.ENOTSUP, unix.EPERM:
			// Not every file system can do that, nor may every process.
			return renameChecked(from, to)
		}
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
}
