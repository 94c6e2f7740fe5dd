package wire_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/graph/wire"
)

func TestContentsAreSentInBase64(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 20001)
	var c wire.Contents
	v := map[string]any{
		"a": c.Add(mapi.Bytes("x")), "b": []any{c.Add(mapi.Bytes("")), c.Add(mapi.Bytes(big))}, "c": "<\u007f&>",
	}
	b, err := wire.JSON(v, &c)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // a retry reads it again
		got, err := mapi.ReadBlob(t.Context(), b, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(got)) != b.Size() {
			t.Errorf("the size is said to be %d, there are %d bytes", b.Size(), len(got))
		}
		want, _ := json.Marshal(map[string]any{"a": []byte("x"), "b": []any{[]byte{}, big}, "c": "<\u007f&>"})
		var x, y any
		if json.Unmarshal(got, &x) != nil || json.Unmarshal(want, &y) != nil {
			t.Fatalf("no JSON: %.200s", got)
		}
		g, _ := json.Marshal(x)
		w, _ := json.Marshal(y)
		if !bytes.Equal(g, w) {
			t.Errorf("got %.300s", got)
		}
	}
}

// short promises more than it has.
type short struct{ mapi.Bytes }

func (s short) Size() int64 { return int64(len(s.Bytes)) + 3 }

func TestAContentThatEndsEarlyIsAnError(t *testing.T) {
	var b wire.Body
	b.Base64(short{mapi.Bytes("abc")})
	if _, err := mapi.ReadBlob(t.Context(), &b, 100); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the error is %v", err)
	}
}

func TestRepliesAreReadWithoutHoldingContents(t *testing.T) {
	body := strings.Repeat("line of text\r\n", 5000)
	text := `{ "@odata.context":"x\u00e4\ud83d\ude00\ud800", "n": -1.5e3 ,"t":true,"value" : [ {"id":"1","data":"` +
		base64.StdEncoding.EncodeToString([]byte(body)) + `","more":{"a":[1,{"b":"]}"}]}}, {"data":null,"id":"2"} ], "z":null}`
	for _, bom := range []string{"", "\uFEFF"} {
		d := wire.NewDecoder(strings.NewReader(bom + text))
		var ids []string
		var datas []int64
		var ctx string
		var n float64
		err := d.Object(func(name string) (err error) {
			switch name {
			case "@odata.context":
				ctx, err = d.String(100)
			case "n":
				err = d.Value(&n)
			case "value":
				err = d.Array(func() error {
					return d.Object(func(name string) error {
						switch name {
						case "id":
							s, err := d.String(10)
							ids = append(ids, s)
							return err
						case "data":
							var buf bytes.Buffer
							n, err := d.Base64(&buf)
							datas = append(datas, n)
							if n > 0 && buf.String() != body {
								t.Error("the content is another one")
							}
							return err
						}
						return d.Skip()
					})
				})
			default:
				err = d.Skip()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if ctx != "xä😀\uFFFD" || n != -1500 || strings.Join(ids, ",") != "1,2" || len(datas) != 2 || datas[0] != int64(len(body)) || datas[1] != -1 {
			t.Errorf("read %q %v %q %v", ctx, n, ids, datas)
		}
	}
}

func TestDamagedRepliesAreErrors(t *testing.T) {
	for _, s := range []string{
		``, `{`, `{"a"`, `{"a":`, `{"a":"`, `{"a":1`, `[1]`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{"a":1 "b":2}`, `nul`, `"x"`,
		`{"a":"\q"}`, `{"a":"\u12"}`, `{"a":"b` + "\n" + `"}`, strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat(`}`, 100),
	} {
		d := wire.NewDecoder(strings.NewReader(s))
		var read func(string) error
		read = func(string) error {
			c, err := d.Peek()
			switch {
			case err != nil:
				return err
			case c == '{':
				return d.Object(read)
			case c == '"':
				_, err = d.String(1 << 20)
				return err
			}
			return d.Skip()
		}
		if err := d.Object(read); err == nil {
			t.Errorf("%.40q is read without an error", s)
		}
	}
}

func TestContentThatIsNoBase64CostsItselfOnly(t *testing.T) {
	d := wire.NewDecoder(strings.NewReader(`["AA*A=====", "QUJD"]`))
	var list []error
	if err := d.Array(func() error {
		_, err := d.Base64(io.Discard)
		list = append(list, err)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0] == nil || list[1] != nil {
		t.Errorf("the errors are %v", list)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte(`{"a":[1,"b\u00e4",{"c":null}],"d":"QUJD"}`))
	f.Add([]byte(`{"value":[{"@odata.type":"#microsoft.graph.message","id":"AAMk"}],"@odata.nextLink":"https://x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := wire.NewDecoder(bytes.NewReader(b))
		err := d.Object(func(name string) error {
			if name == "d" {
				_, err := d.Base64(io.Discard)
				return err
			}
			return d.Skip()
		})
		if err == nil && len(b) == 0 {
			t.Error("nothing is read as an object")
		}
	})
}
