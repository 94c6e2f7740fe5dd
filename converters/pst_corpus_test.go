package converters_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/converters/ledger"
	"github.com/mailconv/mailconv/converters/migrate"
	"github.com/mailconv/mailconv/converters/migrate/meaning"
	"github.com/mailconv/mailconv/mapi"
	mapipst "github.com/mailconv/mailconv/mapi/pst"
	"github.com/mailconv/mailconv/transport"
	"github.com/mailconv/mailconv/transport/dir"
	"github.com/mailconv/mailconv/transport/maildir"
	"github.com/mailconv/mailconv/transport/pst"
)

// A judgedItem is what pffexport says of an item: the raw values of its
// properties, and the digests of its attachments.
type judgedItem struct {
	values  []judgedValue
	atts    int
	digests [][32]byte
}

type judgedValue struct {
	id  uint32 // of the file; mapped is the identifier in its set, for a named one
	typ mapi.Type
	// mapped is 0 when it is not told.
	mapped uint32
	raw    []byte
}

// judgedDir is a folder for an item; one without a name is Folder00001.
var judgedDir = regexp.MustCompile(`^([A-EG-Z][A-Za-z]+)\d{5}$`)

// judgedName makes the name of a folder comparable with that of a file.
func judgedName(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|&'();{}[]$#~^%!+=,`+"`", r) || r < 32 {
			return '_'
		}
		return r
	}, strings.TrimRight(s, " "))
}

// pffexport lists the items of a file by folder.
func pffexport(t *testing.T, file string) (map[string][]*judgedItem, bool) {
	t.Helper()
	if _, err := exec.LookPath("pffexport"); err != nil {
		t.Skip("LEFT OUT: pffexport is missing (Debian package pff-tools); nobody else judged these files")
	}
	root := filepath.Join(t.TempDir(), "o")
	if out, err := exec.Command("pffexport", "-q", "-d", "-t", root, file).CombinedOutput(); err != nil {
		t.Logf("pffexport: %v: %s", err, bytes.TrimSpace(out))
		return nil, false
	}
	root += ".export"
	found := map[string]*judgedItem{}
	list := map[string][]*judgedItem{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		parts := strings.Split(rel, string(filepath.Separator))
		at := slices.IndexFunc(parts, judgedDir.MatchString)
		if at < 0 {
			return nil
		}
		folder := judgedName(strings.Join(parts[:at], "|"))
		key := strings.Join(parts[:at+1], "|")
		it := found[key]
		if it == nil {
			it = &judgedItem{}
			found[key] = it
			list[folder] = append(list[folder], it)
		}
		in := parts[at+1:]
		switch {
		case len(in) == 1 && in[0] == "ItemValues.txt":
			it.values, err = judgedValues(path)
			return err
		case d.Name() == "ItemValues.txt":
			return nil
		case len(in) == 2 && in[0] == "Attachments":
			it.atts++
		}
		if !d.IsDir() && len(in) > 1 && parts[len(parts)-2] == "Attachments" {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			it.digests = append(it.digests, sha256.Sum256(b))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list, true
}

// judgedValues reads the hex dumps of item values.
func judgedValues(path string) ([]judgedValue, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []judgedValue
	number := func(line string) uint32 {
		_, s, _ := strings.Cut(line, "0x")
		n, _ := strconv.ParseUint(strings.TrimSpace(s), 16, 32)
		return uint32(n)
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := sc.Text()
		switch {
		case strings.HasPrefix(line, "Entry type:"):
			list = append(list, judgedValue{id: number(line)})
		case len(list) == 0:
		case strings.HasPrefix(line, "Value type:"):
			list[len(list)-1].typ = mapi.Type(number(line))
		case strings.HasPrefix(line, "Maps to entry type:"):
			list[len(list)-1].mapped = number(line)
		case strings.HasPrefix(line, "0x") && len(line) > 12 && line[10] == ':':
			digits := strings.ReplaceAll(line[12:min(len(line), 12+49)], " ", "")
			b, err := hex.DecodeString(digits)
			if err != nil {
				return nil, fmt.Errorf("%s: %q: %w", path, line, err)
			}
			list[len(list)-1].raw = append(list[len(list)-1].raw, b...)
		}
	}
	return list, sc.Err()
}

// differs says in what an item is not what pffexport says of it. Properties
// that a .msg file keeps in another way are left out.
func (j *judgedItem) differs(t *testing.T, m *mapi.Message) (wrong []string, compared int) {
	for _, v := range j.values {
		if v.typ == mapi.TypeObject || !v.typ.Known() || v.raw == nil || v.id>>16 != 0 {
			continue
		}
		want := v.raw
		if v.id == uint32(mapi.PidTagSubject.ID()) {
			want = withoutMark(want, v.typ) // [MS-PST] 2.5.3.1.1.1
		}
		ok, known := false, false
		for _, p := range m.Props {
			if p.Tag.Type() != v.typ {
				continue
			}
			switch {
			case v.id < 0x8000:
				if uint32(p.Tag.ID()) != v.id {
					continue
				}
			case p.Name == nil: // the file has no name for it
				if uint32(p.Tag.ID()) != v.id {
					continue
				}
			case v.mapped != 0 && p.Name.Name == "" && p.Name.ID != v.mapped:
				continue
			}
			known = true
			if ok = slices.Equal(flat(t, p.Value), want); ok {
				break
			}
		}
		if compared++; !ok {
			wrong = append(wrong, fmt.Sprintf("0x%04X%04X (there: %v)", v.id, uint16(v.typ), known))
		}
	}
	return wrong, compared
}

func withoutMark(b []byte, typ mapi.Type) []byte {
	w := 1
	if typ == mapi.TypeString {
		w = 2
	}
	if len(b) >= 2*w && b[0] == 1 && (w == 1 || b[1] == 0) {
		return b[2*w:]
	}
	return b
}

// flat is a value as the file has it. [MS-PST] 2.3.3.4
func flat(t *testing.T, v mapi.Value) []byte {
	if v.Type().Multi() {
		e := v.Elems()
		if v.Type().FixedSize() > 0 {
			return bytes.Join(e, nil)
		}
		b := binary.LittleEndian.AppendUint32(nil, uint32(len(e)))
		off := 4 + 4*len(e)
		for _, x := range e {
			b = binary.LittleEndian.AppendUint32(b, uint32(off))
			off += len(x)
		}
		return append(b, bytes.Join(e, nil)...)
	}
	if v.Type() == mapi.TypeBoolean {
		return v.Raw()[:1]
	}
	b, err := mapi.ReadBlob(t.Context(), v.Blob(), 64<<20)
	if err != nil {
		t.Error(err)
	}
	return b
}

// digests are those of the attachments of an item and of those within.
func digests(t *testing.T, m *mapi.Message) map[[32]byte]int {
	all := map[[32]byte]int{}
	for _, a := range m.Attachments {
		if a.Embedded != nil {
			for d, n := range digests(t, a.Embedded) {
				all[d] += n
			}
		}
		if b := a.Data(); b != nil {
			data, err := mapi.ReadBlob(t.Context(), b, 64<<20)
			if err != nil {
				t.Error(err)
			}
			all[sha256.Sum256(data)]++
		}
	}
	return all
}

// pstFiles lists the PST and OST files of the corpus.
func pstFiles(t *testing.T) []string {
	t.Helper()
	corpus := os.Getenv("MAILCONV_CORPUS")
	if corpus == "" {
		t.Skip("MAILCONV_CORPUS is not set")
	}
	var files []string
	filepath.WalkDir(filepath.Join(corpus, "pst"), func(path string, d fs.DirEntry, err error) error {
		if ext := strings.ToLower(filepath.Ext(path)); err == nil && (ext == ".pst" || ext == ".ost") {
			files = append(files, path)
		}
		return nil
	})
	return files
}

// countObjects counts OLE objects.
func countObjects(m *mapi.Message) (n int) {
	for _, a := range m.Attachments {
		if a.Storage != nil {
			n++
		}
		if a.Embedded != nil {
			n += countObjects(a.Embedded)
		}
	}
	return n
}

// TestPSTCorpusToMSG copies every PST and OST of the corpus into .msg files and
// holds these against what pffexport reads: items and attachments by folder,
// attachments byte by byte, and every property of a sample.
func TestPSTCorpusToMSG(t *testing.T) {
	files := pstFiles(t)
	sampled, values, total, odd := 0, 0, 0, 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			theirs, ok := pffexport(t, file)
			src, err := pst.Open(file, nil)
			if err != nil {
				t.Fatalf("%v (pffexport opens it: %v)", err, ok)
			}
			defer src.Close()
			ours := copyToMSG(t, src)
			for folder, list := range ours {
				total += len(list)
				if len(theirs[folder]) < len(list) {
					t.Logf("folder %q: %d items, pffexport has %d", folder, len(list), len(theirs[folder]))
				}
			}
			for folder, list := range theirs {
				have := slices.Clone(ours[folder])
				if len(have) < len(list) {
					t.Errorf("folder %q: %d items, pffexport has %d", folder, len(have), len(list))
					continue
				}
				for n, it := range list {
					best, at, compared := []string(nil), -1, 0
					for i, m := range have {
						if wrong, c := it.differs(t, m); at < 0 || len(wrong) < len(best) {
							best, at, compared = wrong, i, c
						}
						if at >= 0 && len(best) == 0 {
							break
						}
					}
					m := have[at]
					have = slices.Delete(have, at, at+1)
					sampled++
					values += compared
					if len(best) > 0 {
						odd++
						t.Errorf("folder %q, item %d (%s): %s", folder, n, m.Class(), strings.Join(best, ", "))
					}
					if len(m.Attachments) < it.atts {
						t.Errorf("folder %q, item %d: %d attachments, pffexport has %d", folder, n, len(m.Attachments), it.atts)
					}
					got := digests(t, m)
					objects := countObjects(m) // their bytes are now a storage
					for _, d := range it.digests {
						if got[d]--; got[d] >= 0 {
							continue
						}
						if objects--; objects < 0 {
							t.Errorf("folder %q, item %d: an attachment of pffexport's is not there", folder, n)
						}
					}
				}
			}
		})
	}
	t.Logf("%d items in .msg files; %d of them compared with pffexport in %d property values, %d differ", total, sampled, values, odd)
}

// copyToMSG copies a store and reads the copy: items by the folder's path as
// pffexport tells it.
func copyToMSG(t *testing.T, src *pst.Store) map[string][]*mapi.Message {
	t.Helper()
	work := t.TempDir()
	sink, err := dir.Open(filepath.Join(work, "out"), &dir.Options{Format: dir.MSG, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	l, err := ledger.Open(t.Context(), filepath.Join(work, "state"), ledger.Pair{Source: "pst:x", Sink: "dir:out"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := migrate.Run(t.Context(), src, sink, l, migrate.Options{Converter: &converters.Converter{}, NoRoles: true, Filter: migrate.Filter{Hidden: true}})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete() {
		t.Errorf("the copy is not complete: %+v", r)
	}
	// Everything that the file lists has a row.
	listed := int64(0)
	for fo := range src.File().Folders() {
		for _, v := range []mapipst.View{mapipst.Contents, mapipst.Associated, mapipst.Deleted} {
			if v == mapipst.Deleted && fo.Search {
				continue
			}
			for range src.File().Items(fo.NID, v) {
				listed++
			}
		}
	}
	rows, err := l.Count(t.Context(), ledger.Query{})
	if err != nil || rows != listed {
		t.Errorf("%d items in the file, %d rows (%v)", listed, rows, err)
	}
	v, err := migrate.Verify(t.Context(), src, sink, &migrate.VerifyOptions{Ledger: l, Run: migrate.Options{NoRoles: true, Filter: migrate.Filter{Hidden: true}}})
	if err != nil || !v.Clean() {
		t.Errorf("verify: %v, %+v", err, v)
	}

	paths := map[mapipst.NID]string{}
	byID := map[string]string{}
	for fo := range src.File().Folders() {
		if fo.NID != 0x122 {
			paths[fo.NID] = fo.Name
			if up := paths[fo.Parent]; up != "" {
				paths[fo.NID] = up + "|" + fo.Name
			}
		}
		byID[fo.NID.String()] = judgedName(paths[fo.NID])
	}
	items := map[string][]*mapi.Message{}
	for f, err := range src.Folders(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		out := transport.Folder{Path: f.Path}
		var keys []transport.Key
		for m, err := range sink.Items(t.Context(), out, nil) {
			if err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			keys = append(keys, m.Key)
		}
		slices.Sort(keys)
		for fe, err := range sink.Fetch(t.Context(), out, keys, nil) {
			if err != nil || fe.Err != nil {
				t.Fatal(err, fe.Err)
			}
			c := fe.Content
			t.Cleanup(func() { c.Close() })
			items[byID[f.ID]] = append(items[byID[f.ID]], c.Object)
		}
	}
	return items
}

// TestPSTCorpusToMaildir copies every PST and OST of the corpus into a Maildir;
// what a mail can carry is the same there.
func TestPSTCorpusToMaildir(t *testing.T) {
	same := int64(0)
	for _, file := range pstFiles(t) {
		src, err := pst.Open(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		work := t.TempDir()
		sink, err := maildir.Open(filepath.Join(work, "out"), &maildir.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		l, err := ledger.Open(t.Context(), filepath.Join(work, "state"), ledger.Pair{Source: "pst:x", Sink: "maildir:out"})
		if err != nil {
			t.Fatal(err)
		}
		cv := &converters.Converter{}
		o := migrate.Options{Converter: cv, Contenter: &meaning.Reader{Converter: cv}}
		r, err := migrate.Run(t.Context(), src, sink, l, o)
		if err != nil || !r.Complete() {
			t.Errorf("%s: %v, %+v", filepath.Base(file), err, r)
		}
		v, err := migrate.Verify(t.Context(), src, sink, &migrate.VerifyOptions{Ledger: l, Level: migrate.LevelContent, Run: o})
		if err != nil || !v.Clean() {
			t.Errorf("%s: %v, %+v", filepath.Base(file), err, v)
		} else {
			same += v.Same
		}
		l.Close()
		sink.Close()
		src.Close()
	}
	t.Logf("%d items are the same by content", same)
}
