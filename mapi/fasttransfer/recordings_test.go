package fasttransfer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

// recordings gives the recorded streams of a real server.
func recordings(t testing.TB, pattern string) []string {
	t.Helper()
	root := os.Getenv("MAILCONV_RECORDINGS")
	if root == "" {
		t.Skip("MAILCONV_RECORDINGS does not name the recorded exchanges")
	}
	files, _ := filepath.Glob(filepath.Join(root, "fasttransfer", pattern))
	if len(files) == 0 {
		t.Fatal("no recording found")
	}
	return files
}

func load(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// shown is a value as the recordings show it.
func shown(v mapi.Value) any {
	t := v.Type()
	if t.Multi() {
		list := []any{}
		for i := range v.Elems() {
			list = append(list, shown(v.Elem(i)))
		}
		return list
	}
	switch {
	case t.IsString():
		return v.Text()
	case t == mapi.TypeTime:
		x, ok := v.Time()
		if !ok {
			return nil
		}
		return x.Truncate(time.Microsecond)
	case t == mapi.TypeGUID:
		g, _ := v.GUID()
		return g.String()
	case t == mapi.TypeBoolean:
		n, _ := v.Int()
		return n != 0
	}
	if n, ok := v.Int(); ok {
		return float64(n)
	}
	if f, ok := v.Float(); ok {
		return f
	}
	b, _ := mapi.ReadBlob(context.Background(), v.Blob(), 1<<24)
	return map[string]any{"hex": hex.EncodeToString(b)}
}

// recorded is a value of a recording in the same form.
func recorded(x any, t mapi.Type) any {
	if list, ok := x.([]any); ok {
		out := []any{}
		for _, e := range list {
			out = append(out, recorded(e, t.Elem()))
		}
		return out
	}
	if s, ok := x.(string); ok && t.Elem() == mapi.TypeTime {
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return at.UTC()
		}
	}
	return x
}

// TestRecordedAtoms holds the lexer to an independent parse of each stream,
// offset by offset.
func TestRecordedAtoms(t *testing.T) {
	for _, path := range recordings(t, "*.fts") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b := load(t, path)
			l := NewLexer(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
			tsv := bufio.NewScanner(bytes.NewReader(load(t, strings.TrimSuffix(path, ".fts")+".atoms.tsv")))
			tsv.Buffer(nil, 1<<24)
			tsv.Scan() // heading
			n := 0
			for tsv.Scan() {
				f := strings.Split(tsv.Text(), "\t")
				e, err := l.Next()
				if err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprintf("%06x", e.Offset); got != f[0] {
					t.Fatalf("offset %s, want %s", got, f[0])
				}
				n++
				if e.Marker != 0 {
					if e.Marker.String() != f[1] {
						t.Errorf("%s: %v, want %s", f[0], e.Marker, f[1])
					}
					continue
				}
				p := e.Property
				if tag := strings.ToLower(e.Tag.String()); tag != f[1] {
					t.Errorf("%s: tag %s, want %s", f[0], tag, f[1])
				}
				if f[2] != "" {
					var name map[string]string
					if err := json.Unmarshal([]byte(f[2]), &name); err != nil {
						t.Fatal(err)
					}
					got := map[string]string{}
					if p.Name != nil {
						got["guid"] = p.Name.Set.String()
						if p.Name.Name != "" {
							got["name"] = p.Name.Name
						} else {
							got["lid"] = fmt.Sprintf("0x%x", p.Name.ID)
						}
					}
					if !reflect.DeepEqual(got, name) {
						t.Errorf("%s: name %v, want %v", f[0], got, name)
					}
				}
				if cut, ok := strings.CutPrefix(f[3], `{"hex": "`); ok && !strings.HasSuffix(cut, `"}`) {
					// Long values are shown up to a bound.
					if got := hex.EncodeToString(p.Value.Raw()); !strings.HasPrefix(got, strings.TrimSuffix(cut, "...")) {
						t.Errorf("%s: %v: %s, want %s", f[0], p, got, cut)
					}
					continue
				}
				var want any
				if err := json.Unmarshal([]byte(f[3]), &want); err != nil {
					t.Fatalf("%s: %v", f[0], err)
				}
				if got := shown(p.Value); !reflect.DeepEqual(got, recorded(want, p.Tag.Type())) {
					t.Errorf("%s: %v: %v, want %v", f[0], p, got, want)
				}
			}
			if _, err := l.Next(); err != io.EOF {
				t.Errorf("after %d elements: %v", n, err)
			}
			if len(l.Problems()) > 0 {
				t.Error(l.Problems())
			}
		})
	}
}

// side is what property ROPs gave of an object beside its stream.
type side struct {
	Properties  map[string]any `json:"properties"`
	Props       map[string]any `json:"props"`
	Recipients  []*side        `json:"recipients"`
	Attachments []*side        `json:"attachments"`
	Embedded    *side          `json:"embedded"`
	Data        string         `json:"data_hex"`
	Differ      []any          `json:"values that differ"`
}

// TestRecordedMessages holds the decoded messages to what property ROPs said
// of the same objects. Named properties have other identifiers there only when
// they were not asked for by name, so they are compared by the lexer test.
func TestRecordedMessages(t *testing.T) {
	compared := 0
	check := func(t *testing.T, where string, ps mapi.Properties, want map[string]any) {
		for tag, x := range want {
			var n uint32
			fmt.Sscanf(tag, "%x", &n)
			v, ok := ps.Get(mapi.Tag(n))
			if !ok {
				continue // computed by the server, see "only in property ROPs"
			}
			compared++
			if got := shown(v); !reflect.DeepEqual(got, recorded(x, v.Type())) {
				t.Errorf("%s: %s: %v, want %v", where, tag, got, x)
			}
		}
	}
	var message func(t *testing.T, where string, m *mapi.Message, s *side)
	message = func(t *testing.T, where string, m *mapi.Message, s *side) {
		check(t, where, m.Props, s.Properties)
		check(t, where, m.Props, s.Props)
		if s.Attachments == nil {
			s.Attachments = make([]*side, len(m.Attachments)) // not recorded
			for i := range s.Attachments {
				s.Attachments[i] = &side{}
				if e := m.Attachments[i].Embedded; e != nil {
					s.Attachments[i].Embedded = &side{Recipients: make([]*side, len(e.Recipients))}
					for j := range e.Recipients {
						s.Attachments[i].Embedded.Recipients[j] = &side{}
					}
				}
			}
		}
		if len(m.Recipients) != len(s.Recipients) || len(m.Attachments) != len(s.Attachments) {
			t.Fatalf("%s: %d recipients and %d attachments, want %d and %d", where, len(m.Recipients), len(m.Attachments), len(s.Recipients), len(s.Attachments))
		}
		for i, r := range s.Recipients {
			check(t, fmt.Sprintf("%srecipient %d", where, i), m.Recipients[i].Props, r.Props)
		}
		for i, a := range s.Attachments {
			got := m.Attachments[i]
			check(t, fmt.Sprintf("%sattachment %d", where, i), got.Props, a.Props)
			if a.Data != "" {
				b, _ := mapi.ReadBlob(context.Background(), got.Data(), 1<<24)
				if hex.EncodeToString(b) != a.Data {
					t.Errorf("%sattachment %d: the content differs", where, i)
				}
			}
			if (a.Embedded != nil) != (got.Embedded != nil) {
				t.Errorf("%sattachment %d: embedded %v, want %v", where, i, got.Embedded != nil, a.Embedded != nil)
			} else if a.Embedded != nil {
				message(t, fmt.Sprintf("%sattachment %d/", where, i), got.Embedded, a.Embedded)
			}
		}
	}
	for _, path := range recordings(t, "message-*.fts") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var s side
			if err := json.Unmarshal(load(t, strings.TrimSuffix(path, ".fts")+".json"), &s); err != nil {
				t.Fatal(err)
			}
			m, problems := decode(t, load(t, path), nil)
			wantClean(t, problems)
			if s.Properties == nil {
				return // "same as" another file
			}
			message(t, "", m, &s)
		})
	}
	if compared < 200 {
		t.Errorf("only %d values were compared", compared)
	}
}

// TestRecordedMessagesComeBack writes each recorded message and reads it again.
func TestRecordedMessagesComeBack(t *testing.T) {
	for _, path := range recordings(t, "message-*.fts") {
		m, _ := decode(t, load(t, path), nil)
		b := encode8(t, m, nil)
		checkStream(t, b)
		got, problems := decode(t, b, nil)
		wantClean(t, problems)
		for _, s := range mapitest.Diff(m, got) {
			t.Errorf("%s: %s", filepath.Base(path), s)
		}
	}
}

// TestRecordedSynchronization reads contentsSync with the lexer alone, as a
// client does.
func TestRecordedSynchronization(t *testing.T) {
	for _, path := range recordings(t, "ics-contents*.fts") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b := load(t, path)
			l := NewLexer(context.Background(), bytes.NewReader(b), int64(len(b)), nil)
			var subjects []string
			state := mapi.Properties{}
			for {
				e, err := l.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				switch e.Marker {
				case IncrSyncMessage:
					m, err := l.MessageContent()
					if err != nil {
						t.Fatal(err)
					}
					subjects = append(subjects, m.Props.Text(mapi.PidTagSubject))
				case IncrSyncStateBegin:
					if state, err = l.Properties(); err != nil {
						t.Fatal(err)
					}
				}
			}
			var want struct {
				Messages []string       `json:"messages"`
				State    map[string]any `json:"final state properties"`
			}
			if err := json.Unmarshal(load(t, strings.TrimSuffix(path, ".fts")+".json"), &want); err != nil {
				t.Fatal(err)
			}
			slices.Sort(subjects)
			slices.Sort(want.Messages)
			if want.Messages != nil && !slices.Equal(subjects, want.Messages) {
				t.Errorf("messages %v, want %v", subjects, want.Messages)
			}
			for tag, x := range want.State {
				for _, p := range state {
					got := strings.ToLower(p.Tag.String())
					if p.Tag == MetaTagIdsetGiven {
						got = "40170003"
					}
					if got == tag && hex.EncodeToString(p.Value.Raw()) != x {
						t.Errorf("state %s: %x, want %v", tag, p.Value.Raw(), x)
					}
				}
			}
			if want.State != nil && len(state) != len(want.State) {
				t.Errorf("state has %d properties, want %d", len(state), len(want.State))
			}
		})
	}
}
