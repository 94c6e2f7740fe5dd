package olm

import (
	"archive/zip"
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

// Names of folders that are not the user's.
const (
	messagesDir    = "com.microsoft.__Messages"
	attachmentsDir = "com.microsoft.__Attachments"
	localDir       = "Local"
	accountsDir    = "Accounts"
)

// An entry is an XML file with items.
type entry struct {
	file *zip.File
	key  string // the name, unique
	mail bool   // it is a file of one mail
}

// A folder is a folder with the files of its items.
type folder struct {
	transport.Folder
	entries []*entry
}

// archive is what a file holds.
type archive struct {
	folders []*folder
	byPath  map[string]*folder
	entries map[string]*entry
	files   map[string]*zip.File // attachments
}

func open(r io.ReaderAt, size int64) (*archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	a := &archive{byPath: map[string]*folder{}, entries: map[string]*entry{}, files: map[string]*zip.File{}}
	roots := map[string]bool{}
	type found struct {
		e    *entry
		root string
		path []string
	}
	var list []found
	for _, f := range z.File {
		name := clean(f.Name)
		if strings.HasSuffix(name, "/") || f.Mode().IsDir() {
			continue
		}
		root, dirs, ok := place(name)
		if !ok {
			a.files[name] = f
			continue
		}
		e := &entry{file: f, key: name, mail: strings.Contains(name, messagesDir)}
		for n := 2; a.entries[e.key] != nil; n++ {
			e.key = name + "@" + strconv.Itoa(n)
		}
		a.entries[e.key] = e
		roots[root] = true
		list = append(list, found{e, root, dirs})
	}
	if len(a.entries) == 0 && len(z.File) > 0 && !isOLM(z.File) {
		return nil, &mapi.FormatError{Format: "olm", Problem: mapi.Problem{Offset: -1, Detail: "the zip file holds no items of Outlook for Mac"}}
	}
	for _, x := range list {
		// With several accounts each has a folder.
		if len(roots) > 1 {
			x.path = append([]string{x.root}, x.path...)
		}
		f := a.folder(x.path)
		f.entries = append(f.entries, x.e)
	}
	for _, f := range a.folders {
		slices.SortFunc(f.entries, func(a, b *entry) int { return cmp.Compare(a.key, b.key) })
		f.Count = int64(len(f.entries))
		if !slices.ContainsFunc(f.entries, func(e *entry) bool { return e.mail }) && len(f.entries) > 0 {
			f.Count = -1
		}
		last := f.Name()
		if i := strings.IndexByte(last, '('); i > 0 {
			last = strings.TrimSpace(last[:i])
		}
		if k, ok := kinds[strings.ToLower(last)]; ok {
			f.Class = k.class
			if len(f.Path) == 1 || len(roots) > 1 && len(f.Path) == 2 {
				f.Role = k.role
			}
		}
	}
	slices.SortFunc(a.folders, func(a, b *folder) int { return slices.Compare(a.Path, b.Path) })
	return a, nil
}

// kinds are the folders that Outlook makes, by their English names.
var kinds = map[string]struct {
	role  transport.Role
	class string
}{
	"inbox": {transport.RoleInbox, "IPF.Note"}, "sent items": {transport.RoleSent, "IPF.Note"}, "drafts": {transport.RoleDrafts, "IPF.Note"},
	"deleted items": {transport.RoleTrash, "IPF.Note"}, "junk e-mail": {transport.RoleJunk, "IPF.Note"}, "junk email": {transport.RoleJunk, "IPF.Note"},
	"outbox": {transport.RoleOutbox, "IPF.Note"}, "archive": {transport.RoleArchive, "IPF.Note"},
	"calendar": {transport.RoleCalendar, "IPF.Appointment"}, "address book": {transport.RoleContacts, "IPF.Contact"}, "contacts": {transport.RoleContacts, "IPF.Contact"},
	"tasks": {transport.RoleTasks, "IPF.Task"}, "notes": {transport.RoleNotes, "IPF.StickyNote"},
}

func isOLM(files []*zip.File) bool {
	for _, f := range files {
		switch name := clean(f.Name); {
		case name == "Categories.xml", strings.HasPrefix(name, localDir+"/"), strings.HasPrefix(name, accountsDir+"/"):
			return true
		}
	}
	return false
}

// clean is a name as keys have it: no control characters, slashes only.
func clean(name string) string {
	name = strings.ReplaceAll(strings.ToValidUTF8(name, "\uFFFD"), `\`, "/")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return '\uFFFD'
		}
		return r
	}, name)
}

// place says in which account and folder the items of a file are; false when it
// is no file of items.
func place(name string) (root string, dirs []string, ok bool) {
	if !strings.EqualFold(path.Ext(name), ".xml") {
		return "", nil, false
	}
	parts := strings.Split(name, "/")
	base := strings.ToLower(parts[len(parts)-1])
	parts = parts[:len(parts)-1]
	if len(parts) == 0 || base == "categories.xml" || slices.Contains(parts, attachmentsDir) {
		return "", nil, false
	}
	switch parts[0] {
	case localDir:
		root, parts = "On My Computer", parts[1:]
	case accountsDir:
		if len(parts) < 2 {
			return "", nil, false
		}
		root, parts = parts[1], parts[2:]
	default:
		return "", nil, false
	}
	for _, p := range parts {
		if p != "" && p != messagesDir {
			dirs = append(dirs, p)
		}
	}
	if len(dirs) == 0 {
		dirs = []string{strings.TrimSuffix(base, ".xml")}
	}
	return root, dirs, true
}

// folder finds or makes a folder with its parents.
func (a *archive) folder(p []string) *folder {
	key := transport.JoinPath(p)
	if f := a.byPath[key]; f != nil {
		return f
	}
	if len(p) > 1 {
		a.folder(p[:len(p)-1])
	}
	f := &folder{Folder: transport.Folder{Path: p[:len(p):len(p)], ID: key, Count: 0, Size: -1}}
	a.byPath[key] = f
	a.folders = append(a.folders, f)
	return f
}

// A fileBlob is a file of the archive.
type fileBlob struct{ f *zip.File }

func (b fileBlob) Size() int64 { return int64(b.f.UncompressedSize64) }

// Open implements [mapi.Blob].
func (b fileBlob) Open(context.Context) (io.ReadCloser, error) {
	r, err := b.f.Open()
	if err != nil {
		return nil, fmt.Errorf("olm: %s: %w", b.f.Name, err)
	}
	return &bounded{r, b.Size(), b.f.Name}, nil
}

// bounded ends a file that is longer than it says.
type bounded struct {
	io.ReadCloser
	left int64
	name string
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("olm: %s is longer than the archive says", b.name)
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("olm: %s: %w", b.name, err)
	}
	return n, err
}
