package converters_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/converters"
	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport"
)

const zoneSample = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//mailconv//samples//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:1@mailconv.example
DTSTAMP:20250301T000000Z
DTSTART;VALUE=DATE:20250314
DTEND;VALUE=DATE:20250315
SUMMARY:Day
END:VEVENT
BEGIN:VEVENT
UID:2@mailconv.example
DTSTAMP:20250301T000000Z
DTSTART;TZID=Asia/Kolkata:20250314T003000
DURATION:PT45M
RRULE:FREQ=WEEKLY;COUNT=9
SUMMARY:Early
ORGANIZER:mailto:a@mailconv.example
ATTENDEE:mailto:b@mailconv.example
END:VEVENT
BEGIN:VEVENT
UID:3@mailconv.example
DTSTART:20250314T003000
SUMMARY:Wherever
END:VEVENT
BEGIN:VTODO
UID:4@mailconv.example
DUE;VALUE=DATE:20250314
SUMMARY:Wash up
END:VTODO
BEGIN:VJOURNAL
UID:5@mailconv.example
DTSTART;VALUE=DATE:20250314
SUMMARY:Done
END:VJOURNAL
END:VCALENDAR
`

const zoneCard = "BEGIN:VCARD\nVERSION:3.0\nFN:Zoë\nN:;Zoë;;;\nBDAY:1980-02-29\nREV:2024-01-01T00:00:00Z\nEND:VCARD\n"

// digestOfItems is what all forms of all items come to.
func digestOfItems(t *testing.T) string {
	h := sha256.New()
	n := 0
	one := func(name string, m *mapi.Message) {
		n++
		for _, form := range []string{itemForm(m), "eml", "msg"} {
			f, _ := converters.ByName(form)
			it := &converters.Item{Content: &transport.Content{Form: transport.FormObject, Object: m}}
			fmt.Fprintf(h, "%s %s\n", name, form)
			if err := f.Write(t.Context(), h, it, &converters.Converter{Losses: true}); err != nil {
				t.Errorf("%s: %s: %v", name, form, err)
			}
			fmt.Fprintln(h, it.Losses)
		}
	}
	samples := map[string]string{"sample.ics": zoneSample, "sample.vcf": zoneCard}
	for _, name := range []string{"sample.ics", "sample.vcf"} {
		readItems(t, name, []byte(samples[name]), one)
	}
	if os.Getenv("MAILCONV_CORPUS") != "" {
		everyItem(t, one)
		for _, kind := range []string{"ics", "vcf"} {
			for _, file := range itemFiles(t, kind) {
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				readItems(t, file, b, one)
			}
		}
	}
	return fmt.Sprintf("%d items %x", n, h.Sum(nil))
}

func readItems(t *testing.T, name string, b []byte, f func(string, *mapi.Message)) {
	in := &converters.Input{Name: name, R: bytes.NewReader(b), Size: int64(len(b))}
	format, err := converters.Sniff(in)
	if err != nil || format == nil {
		t.Fatalf("%s: %v", name, err)
	}
	for it, err := range format.Read(t.Context(), in, &converters.Converter{}) {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if itemForm(it.Object) == "ics" && it.Object.Class() == "IPM.Note" {
			continue // a calendar without items
		}
		f(name, it.Object)
	}
}

// Appointments, tasks, contacts and the rest come out with the same bytes
// wherever the machine is. Each zone has a process of its own.
func TestItemsUnderEveryZone(t *testing.T) {
	const child = "MAILCONV_TEST_DIGEST"
	if os.Getenv(child) != "" {
		_, offset := time.Date(2025, 1, 1, 0, 0, 0, 0, time.Local).Zone()
		fmt.Println("offset:", offset)
		fmt.Println("digest:", digestOfItems(t))
		return
	}
	if os.Getenv("MAILCONV_CORPUS") == "" {
		t.Log("MAILCONV_CORPUS is not set: samples of the project only")
	}
	offsets := map[string]string{"UTC": "0", "Asia/Kolkata": "19800", "America/St_Johns": "-12600"}
	first := ""
	for _, zone := range []string{"UTC", "Asia/Kolkata", "America/St_Johns"} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestItemsUnderEveryZone$")
		cmd.Env = append(os.Environ(), "TZ="+zone, child+"=1")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, io.Discard
		if err := cmd.Run(); err != nil {
			t.Fatalf("TZ=%s: %v\n%.2000s", zone, err, out.String())
		}
		if !strings.Contains(out.String(), "offset: "+offsets[zone]+"\n") {
			t.Skipf("LEFT OUT: the machine does not know the zone %s (tzdata)", zone)
		}
		_, digest, ok := strings.Cut(out.String(), "digest: ")
		digest, _, _ = strings.Cut(digest, "\n")
		if !ok || digest == "" {
			t.Fatalf("TZ=%s: %.2000s", zone, out.String())
		}
		t.Logf("TZ=%s: %s", zone, digest)
		if first == "" {
			first = digest
		}
		if digest != first {
			t.Errorf("TZ=%s gives other bytes than TZ=UTC", zone)
		}
	}
}
