package nspi

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
)

// bodies gives the types of one exchange.
func bodies(kind string) (ask, answer Body) {
	switch kind {
	case "Bind":
		return new(BindRequest), new(BindResponse)
	case "Unbind":
		return new(UnbindRequest), new(UnbindResponse)
	case "ResolveNames":
		return new(ResolveNamesRequest), new(ResolveNamesResponse)
	case "DNToMId":
		return new(DNToMIDRequest), new(DNToMIDResponse)
	case "GetProps":
		return new(GetPropsRequest), new(GetPropsResponse)
	case "QueryRows":
		return new(QueryRowsRequest), new(QueryRowsResponse)
	}
	return nil, nil
}

func TestRecordings(t *testing.T) {
	dir := os.Getenv("MAILCONV_RECORDINGS")
	if dir == "" {
		t.Skip("MAILCONV_RECORDINGS is not set")
	}
	files, err := filepath.Glob(filepath.Join(dir, "mapihttp", "*-nspi-*.request.bin"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", dir, err)
	}
	n := 0
	for _, f := range files {
		base := strings.TrimSuffix(f, ".request.bin")
		text, err := os.ReadFile(base + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "X-RequestType: ")
		kind, _, _ := strings.Cut(after, "\n")
		ask, answer := bodies(strings.TrimSpace(kind))
		if ask == nil {
			continue
		}
		for _, x := range []struct {
			file string
			body Body
		}{{f, ask}, {base + ".response.bin", answer}} {
			b, err := os.ReadFile(x.file)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.HasPrefix(b, []byte("PROCESSING")) {
				_, b, _ = bytes.Cut(b, []byte("\r\n\r\n"))
			}
			if err := Parse(b, x.body, nil); err != nil {
				t.Errorf("%s: %v", filepath.Base(x.file), err)
				continue
			}
			again, err := Marshal(x.body)
			if err != nil || !bytes.Equal(again, b) {
				t.Errorf("%s: differs: %v\ngot  %x\nwant %x", filepath.Base(x.file), err, again, b)
			}
			n++
		}
		if r, ok := answer.(*QueryRowsResponse); ok {
			if len(r.Rows) != 4 || r.Rows[1].Properties(r.Columns).Text(0x39FE001F) != "bob@example.test" {
				t.Errorf("rows of the address book: %v", r.Rows)
			}
		}
	}
	if n != 12 {
		t.Errorf("%d bodies", n)
	}
}

// vectors are bodies put together by hand from [MS-OXCMAPIHTTP] 2.2.5.
var vectors = []struct {
	name, hex string
	body      Body
}{
	{"names", `00000000 00 FF 01000000 1F000130 FF 02000000 4100 0000 4200 0000 00000000`, &ResolveNamesRequest{Columns: []mapi.Tag{0x3001001F}, Names: []string{"A", "B"}, Auxiliary: []byte{}}},
	{"rows with an error", `00000000 00000000 00 FF 02000000 1F000130 03000039 01000000 01 00 FF 4100 0000 0A 0F010480 00000000`, &QueryRowsResponse{
		Columns: []mapi.Tag{0x3001001F, 0x39000003}, Auxiliary: []byte{},
		Rows: []Row{{Flagged: true, Values: []mapi.Value{mapi.StringValue("A"), mapi.RawValue(mapi.TypeErrorCode, []byte{0x0F, 0x01, 0x04, 0x80})}}},
	}},
	{"not carried out", `05000000 02000000 AABB`, &GetPropsResponse{StatusCode: 5, Auxiliary: []byte{0xAA, 0xBB}}},
	{"a list", `00000000 00000000 E4040000 FF 01000000 1F100F80 FF 02000000 FF 4100 0000 FF 0000 00000000`, &GetPropsResponse{
		CodePage: 1252, Auxiliary: []byte{},
		Props: mapi.Properties{{Tag: 0x800F101F, Value: mapi.MultiValue(mapi.TypeMultipleString, [][]byte{{'A', 0}, {}})}},
	}},
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		b := unhex(t, v.hex)
		into := reflect.New(reflect.TypeOf(v.body).Elem()).Interface().(Body)
		if err := Parse(b, into, nil); err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		if !reflect.DeepEqual(into, v.body) {
			t.Errorf("%s: read %#v\nwant %#v", v.name, into, v.body)
		}
		if again, err := Marshal(v.body); err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: %v\ngot  %x\nwant %x", v.name, err, again, b)
		}
	}
}

func FuzzParse(f *testing.F) {
	kinds := []string{"Bind", "Unbind", "ResolveNames", "DNToMId", "GetProps", "QueryRows"}
	for _, v := range vectors {
		f.Add(unhex(f, v.hex))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, k := range kinds {
			ask, answer := bodies(k)
			for _, body := range []Body{ask, answer} {
				if Parse(b, body, nil) == nil {
					if _, err := Marshal(body); err != nil {
						t.Fatalf("%T: what was read cannot be written: %v", body, err)
					}
				}
			}
		}
	})
}
