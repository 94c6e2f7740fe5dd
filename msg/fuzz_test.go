package msg

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

// smallSample has every shape of [mapitest.Sample] in few bytes, as a fuzzer
// wants its seeds.
func smallSample() *mapi.Message {
	m := new(mapi.Message)
	m.Props = append(m.Props, mapitest.EveryType(0x6600)...)
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("subject"))
	m.Props.SetName(mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8503}, mapi.BoolValue(true))
	m.Props.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "Keywords"}, mapi.MultiStringValue([]string{"a", "b"}))
	m.Recipients = []*mapi.Recipient{{Props: mapi.Properties{{Tag: mapi.PidTagDisplayName, Value: mapi.StringValue("to")}}}}
	inner := &mapi.Message{Props: mapi.Properties{{Tag: mapi.PidTagSubject, Value: mapi.StringValue("inner")}}}
	m.Attachments = []*mapi.Attachment{
		{Props: mapi.Properties{{Tag: mapi.PidTagAttachDataBinary, Value: mapi.BinaryValue(make([]byte, 100))}}},
		{Embedded: inner},
		{Storage: &mapi.Storage{Streams: []mapi.Stream{{Name: "CONTENTS", Data: mapi.Bytes("x")}}}},
	}
	return m
}

// FuzzMSG reads whatever comes. What was read can be written, and reading that
// gives the same message.
func FuzzMSG(f *testing.F) {
	f.Add(encode(f, smallSample(), nil))
	f.Add(encode(f, &mapi.Message{}, nil))
	if b, err := os.ReadFile("../testdata/sample.msg"); err == nil {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := NewReader(bytes.NewReader(b), int64(len(b)), nil)
		if err != nil {
			return
		}
		for _, p := range file.Problems {
			_ = p.String()
		}
		readAll(t, file.Message)
		var out bytes.Buffer
		if err := Write(context.Background(), &out, file.Message, nil); err != nil {
			t.Fatal(err)
		}
		again := decode(t, out.Bytes())
		expectEqual(t, file.Message, again.Message)
	})
}

// readAll reads every blob: each must deliver its size.
func readAll(t *testing.T, m *mapi.Message) {
	t.Helper()
	read := func(ps mapi.Properties) {
		for i := range ps {
			v := ps[i].Value
			v.Text()
			v.Texts()
			r, err := v.Blob().Open(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, r)
			if err != nil || n != v.Blob().Size() {
				t.Fatalf("%v: %d of %d bytes: %v", ps[i], n, v.Blob().Size(), err)
			}
			r.Close()
		}
	}
	read(m.Props)
	for _, r := range m.Recipients {
		read(r.Props)
	}
	for _, a := range m.Attachments {
		read(a.Props)
		if a.Embedded != nil {
			readAll(t, a.Embedded)
		}
	}
}
