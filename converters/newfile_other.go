//go:build !linux

package converters

import "os"

// createNew makes a file that is not there.
func createNew(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
}

// renameNew renames a file, unless there is one of that name (fs.ErrExist).
func renameNew(from, to string) error { return renameChecked(from, to) }
