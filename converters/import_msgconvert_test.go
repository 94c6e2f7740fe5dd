package converters_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type oleMessage struct {
	Error       *string
	Subject     *string
	From        *string
	Recipients  []string
	Attachments []judgedAttachment
}

// olefile knows nothing of MAPI: the script reads the property streams.
func TestImportedMessagesReadByOlefile(t *testing.T) {
	needs(t, "python3")
	if exec.Command("/usr/bin/python3", "-c", "import olefile").Run() != nil {
		t.Skip("LEFT OUT: python3-olefile is not installed (make test-deps)")
	}
	names := mails(t)
	msgs := toMSG(t, names, nil)
	want := judge[pythonMail](t, names, "python3", "testdata/judges/reademl.py")
	got := judge[oleMessage](t, msgs, "/usr/bin/python3", "testdata/judges/readole.py")
	c := tally{kinds: map[string]int{}}
	for i, name := range names {
		w, g := want[name], got[msgs[i]]
		if g.Error != nil {
			c.add("unexplained: olefile cannot read it", name, *g.Error)
			continue
		}
		if w.Error != nil || len(w.Defects) > 0 {
			c.kinds["not judged: Python reports a defect"]++
			continue
		}
		c.files++
		comparePOI(&c, name, w, poiMessage{Subject: g.Subject, From: g.From, Recipients: g.Recipients, Attachments: g.Attachments})
	}
	c.log(t)
}

// msgconvert makes mail of our messages, which Python reads again.
func TestImportedMessagesReadByMsgconvert(t *testing.T) {
	needs(t, "python3", "msgconvert")
	if testing.Short() {
		t.Skip("LEFT OUT in short mode: msgconvert takes a minute")
	}
	names := mails(t)
	msgs := toMSG(t, names, nil)
	dir := t.TempDir()
	for chunk := range slices.Chunk(msgs, 25) {
		convertWith(dir, chunk)
	}
	var back []string
	for _, m := range msgs {
		back = append(back, filepath.Join(dir, strings.TrimSuffix(filepath.Base(m), ".msg")+".eml"))
	}
	want := judge[pythonMail](t, names, "python3", "testdata/judges/reademl.py")
	got := judge[pythonMail](t, back, "python3", "testdata/judges/reademl.py")
	c := tally{kinds: map[string]int{}}
	for i, name := range names {
		w, g := want[name], got[back[i]]
		if _, err := os.Stat(back[i]); err != nil {
			c.kinds["msgconvert dies on it"]++
			c.notes = append(c.notes, "msgconvert dies on it: "+filepath.Base(name))
			continue
		}
		if w.Error != nil || len(w.Defects) > 0 || g.Error != nil {
			c.kinds["not judged: Python reports a defect"]++
			continue
		}
		c.files++
		c.subject(name, w, text(g.Subject))
		if len(w.From) > 0 && len(subtract(w.From[:1], slices.Concat(g.From, g.Sender))) > 0 {
			c.add("unexplained: sender", name, w.From[0])
		}
		// It drops Bcc (field reports say so too).
		w.Bcc = nil
		c.recipients(name, w, slices.Concat(g.To, g.Cc, g.Bcc))
		var hashes []string
		for _, a := range g.Attachments {
			hashes = append(hashes, a.SHA256)
		}
		c.attachments(name, w, hashes)
	}
	c.log(t)
}

// convertWith runs msgconvert over several files at once; where it dies the
// rest is done one by one.
func convertWith(dir string, files []string) {
	run := func(list []string) {
		cmd := exec.Command("msgconvert", list...)
		cmd.Dir = dir
		_ = cmd.Run() // which file it died on shows in what is missing
	}
	run(files)
	for _, f := range files {
		if _, err := os.Stat(filepath.Join(dir, strings.TrimSuffix(filepath.Base(f), ".msg")+".eml")); err != nil {
			run([]string{f})
		}
	}
}
