package tnef

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapitest"
)

// TestOtherReadersFindOurAttachments has tnef and ytnef read what Encode
// writes, where they are installed.
func TestOtherReadersFindOurAttachments(t *testing.T) {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagMessageClass, mapi.StringValue("IPM.Note"))
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("with two files"))
	for _, p := range mapitest.EveryType(0x6600) {
		switch t := p.Value.Type(); t {
		case mapi.TypeCurrency, mapi.TypeAppTime, mapi.TypeErrorCode, mapi.TypeServerID:
			// One of them stops at these.
		default:
			if !t.Multi() { // ytnef stops at lists
				m.Props = append(m.Props, p)
			}
		}
	}
	m.Props.SetName(mapi.Name{Set: mapi.PSPublicStrings, Name: "note"}, mapi.StringValue("text"))
	m.Props.SetName(mapi.Name{Set: mapi.PSETIDCommon, ID: 0x8503}, mapi.BoolValue(true))
	r := &mapi.Recipient{}
	r.Props.Set(mapi.PidTagDisplayName, mapi.StringValue("R"))
	m.Recipients = append(m.Recipients, r)
	want := map[string][]byte{"first.bin": mapitest.Large(70_001), "second.bin": []byte("second")}
	for _, name := range []string{"first.bin", "second.bin"} {
		a := &mapi.Attachment{}
		a.Props.Set(mapi.PidTagAttachMethod, mapi.Int32Value(mapi.AttachByValue))
		a.Props.Set(mapi.PidTagAttachFilename, mapi.StringValue(name))
		a.Props.Set(mapi.PidTagAttachLongFilename, mapi.StringValue(name))
		a.Props.Set(mapi.PidTagAttachDataBinary, mapi.BlobValue(mapi.TypeBinary, mapi.Bytes(want[name])))
		m.Attachments = append(m.Attachments, a)
	}
	file := filepath.Join(t.TempDir(), "winmail.dat")
	if err := os.WriteFile(file, encode(t, m, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	for tool, args := range map[string]func(dir string) []string{
		"tnef":  func(dir string) []string { return []string{"-C", dir, "-f", file} },
		"ytnef": func(dir string) []string { return []string{"-f", dir, file} },
	} {
		t.Run(tool, func(t *testing.T) {
			if _, err := exec.LookPath(tool); err != nil {
				t.Skip("not installed")
			}
			dir := t.TempDir()
			out, err := exec.Command(tool, args(dir)...).CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
			for name, b := range want {
				got, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil || !bytes.Equal(got, b) {
					t.Errorf("%s: %v, %d bytes of %d", name, err, len(got), len(b))
				}
			}
		})
	}
}
