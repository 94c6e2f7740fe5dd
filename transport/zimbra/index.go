package zimbra

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/spool"
)

// Kinds of items, the "type" of a .meta file.
const (
	kindFolder       = 1
	kindSearchFolder = 2
	kindTag          = 3
	kindMessage      = 5
)

var kindNames = map[int]string{
	4: "conversation", 6: "contact", 8: "document", 9: "note", 11: "appointment", 13: "mount point", 14: "wiki page", 15: "task", 16: "chat", 17: "comment", 18: "link",
}

// roles by the number of a folder, which is the same in each mailbox.
var roles = map[int64]transport.Role{
	2: transport.RoleInbox, 3: transport.RoleTrash, 4: transport.RoleJunk, 5: transport.RoleSent,
	6: transport.RoleDrafts, 7: transport.RoleContacts, 10: transport.RoleCalendar, 15: transport.RoleTasks,
}

// meta is what a .meta file says, as far as it matters here.
type meta struct {
	Type     int    `json:"type"`
	ID       int64  `json:"id"`
	FolderID int64  `json:"folder_id"`
	Path     string `json:"Path"`
	Date     int64  `json:"date"` // of arrival, seconds
	Subject  string `json:"subject"`
	FlagStr  string `json:"FlagStr"`
	Unread   int    `json:"unread"`
	TagNames string `json:"TagNames"`
}

// entry is one item: where its meta and its mail lie in the tar file. Sizes of
// -1 say that there is none.
type entry struct {
	id                int64
	metaOff, metaSize int64
	off, size         int64
}

// index is what is known of an archive.
type index struct {
	r       io.ReaderAt
	release func() error
	folders []transport.Folder
	items   map[string][]entry // by JoinPath, in the order of ids
	damage  error              // why it ends before its end
}

// Bounds on what an archive may claim.
const (
	maxMeta  = 1 << 20
	maxRatio = 300 // deflate reaches 1000 on zeros, mail 20
	slack    = 1 << 30
)

// read makes the index. A file that is not compressed is read in place.
func read(ctx context.Context, name, tempDir string) (*index, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	x := &index{r: f, release: f.Close, items: map[string][]entry{}}
	if err := x.load(ctx, f, st.Size(), tempDir); err != nil {
		x.release()
		return nil, err
	}
	return x, nil
}

func (x *index) load(ctx context.Context, f *os.File, size int64, tempDir string) error {
	magic := make([]byte, 2)
	if _, err := f.ReadAt(magic, 0); err != nil {
		return formatError(0, "the file has no beginning")
	}
	if magic[0] == 0x1F && magic[1] == 0x8B {
		var err error
		if size, err = x.unpack(ctx, f, size, tempDir); err != nil {
			return err
		}
	}
	return x.scan(ctx, size)
}

func formatError(off int64, detail string) error {
	return &mapi.FormatError{Format: "zimbra", Problem: mapi.Problem{Offset: off, Detail: detail}}
}

// unpack writes the tar file to the spool.
func (x *index) unpack(ctx context.Context, f *os.File, packed int64, tempDir string) (int64, error) {
	z, err := gzip.NewReader(f)
	if err != nil {
		return 0, formatError(0, err.Error())
	}
	sp := spool.New(0, tempDir)
	closeFile := x.release
	x.release = func() error { return errors.Join(sp.Close(), closeFile()) }
	buf := sp.Create()
	limit := packed*maxRatio + slack
	n, err := io.Copy(buf, io.LimitReader(contextReader{ctx, z}, limit+1))
	if n > limit {
		return 0, formatError(-1, fmt.Sprintf("it unpacks to more than %d bytes, which no mail does", limit))
	}
	if transport.Canceled(err) || err != nil && n == 0 {
		return 0, err
	}
	// A file that is cut off or damaged gives what comes before.
	if err != nil {
		x.damage = formatError(n, fmt.Sprintf("the compressed file is damaged: %v; what follows is lost", err))
	}
	b, err := buf.Blob()
	if err != nil {
		return 0, err
	}
	r, err := b.Open(ctx)
	if err != nil {
		return 0, err
	}
	at, ok := r.(io.ReaderAt)
	if !ok {
		return 0, errors.New("the spool gives no random access")
	}
	x.r = at
	return n, nil
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// scan goes through the tar file.
func (x *index) scan(ctx context.Context, size int64) error {
	sec := io.NewSectionReader(x.r, 0, size)
	tr := tar.NewReader(sec)
	known := map[string]transport.Folder{}
	type waiting struct {
		name   string
		folder string
		entry
	}
	var last *waiting // a meta whose file may come next
	put := func() {
		if last != nil {
			x.items[last.folder] = append(x.items[last.folder], last.entry)
			last = nil
		}
	}
	add := func(p []string) string {
		for i := range len(p) + 1 {
			if key := transport.JoinPath(p[:i]); i > 0 {
				if _, ok := known[key]; !ok {
					known[key] = transport.Folder{Path: slices.Clone(p[:i]), ID: "path:" + key, Count: -1, Size: -1}
				}
			}
		}
		return transport.JoinPath(p)
	}
	var n int64
files:
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := tr.Next()
		if err != nil {
			if n == 0 {
				return formatError(0, "it is no tar file")
			}
			if err != io.EOF && x.damage == nil {
				at, _ := sec.Seek(0, io.SeekCurrent)
				x.damage = formatError(at, fmt.Sprintf("the tar file is damaged: %v; what follows is lost", err))
			}
			break files
		}
		n++
		off, err := sec.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || h.Size < 0 {
			continue
		}
		if h.Size > size-off {
			if x.damage == nil {
				x.damage = formatError(off, fmt.Sprintf("the file %q is cut off; what follows is lost", h.Name))
			}
			break files
		}
		if !strings.HasSuffix(h.Name, ".meta") {
			if last == nil || last.name != h.Name {
				put()
				last = &waiting{folder: add(parts(path.Dir(h.Name))), entry: entry{id: number(h.Name, n), metaOff: -1, metaSize: -1}}
			}
			last.off, last.size = off, h.Size
			put()
			continue
		}
		put()
		var m meta
		if h.Size > maxMeta || json.NewDecoder(io.NewSectionReader(x.r, off, h.Size)).Decode(&m) != nil {
			continue
		}
		switch m.Type {
		case kindFolder:
			if p := parts(m.Path); len(p) > 0 {
				key := add(p)
				f := known[key]
				f.ID, f.Role = strconv.FormatInt(m.ID, 10), roles[m.ID]
				known[key] = f
			}
		case kindSearchFolder, kindTag:
		default:
			p := parts(m.Path)
			last = &waiting{name: strings.TrimSuffix(h.Name, ".meta"), folder: add(p), entry: entry{id: m.ID, metaOff: off, metaSize: h.Size, off: -1, size: -1}}
		}
	}
	put()
	for key, list := range x.items {
		slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
		f, ok := known[key]
		if !ok { // items at the root
			f = transport.Folder{ID: "path:", Size: -1}
		}
		f.Count = int64(len(list))
		known[key] = f
	}
	for _, f := range known {
		f.Count = max(f.Count, 0)
		x.folders = append(x.folders, f)
	}
	slices.SortFunc(x.folders, func(a, b transport.Folder) int { return slices.Compare(a.Path, b.Path) })
	if x.damage != nil {
		// What is lost has a row, as a folder that cannot be listed.
		x.folders = append(x.folders, transport.Folder{
			Path: []string{"(the rest of the archive)"}, ID: "damage", Count: -1, Size: -1,
			Err: &transport.Error{Op: "list", Err: x.damage},
		})
	}
	return nil
}

func parts(p string) []string {
	var out []string
	for _, e := range strings.Split(p, "/") {
		if e != "" && e != "." {
			out = append(out, e)
		}
	}
	return out
}

// number is the item number that a file name begins with, else the place in the
// archive, negative.
func number(name string, n int64) int64 {
	head, _, _ := strings.Cut(path.Base(name), "-")
	if id, err := strconv.ParseInt(head, 10, 64); err == nil && id > 0 {
		return id
	}
	return -n
}

// meta reads the .meta file of an item.
func (x *index) meta(e entry) (m meta, err error) {
	if e.metaSize < 0 {
		return meta{Type: kindMessage, ID: e.id}, nil
	}
	err = json.NewDecoder(io.NewSectionReader(x.r, e.metaOff, e.metaSize)).Decode(&m)
	return m, err
}

// flags reads the letters of FlagStr.
func (m meta) flags() (f transport.Flags) {
	for _, c := range m.FlagStr {
		switch c {
		case 'r':
			f |= transport.Answered
		case 'f':
			f |= transport.Flagged
		case 'w':
			f |= transport.Forwarded
		case 'd':
			f |= transport.Draft
		case 'x':
			f |= transport.Deleted
		case 'n':
			f |= transport.MDNSent
		}
	}
	if m.Unread == 0 && !strings.Contains(m.FlagStr, "u") {
		f |= transport.Seen
	}
	return f
}

// tags are told one way or the other, by version.
func (m meta) tags() []string {
	sep := ","
	if strings.Contains(m.TagNames, "\x00") {
		sep = "\x00"
	}
	var out []string
	for _, t := range strings.Split(m.TagNames, sep) {
		if t = strings.TrimSpace(t); t != "" {
			out = append(out, t)
		}
	}
	return out
}

func (m meta) received() time.Time {
	if m.Date <= 0 {
		return time.Time{}
	}
	return time.Unix(m.Date, 0).UTC()
}
