package calendar_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailconv/mailconv/mapi"
	. "github.com/mailconv/mailconv/mime/calendar"
)

// ambiguous is a calendar whose daylight time is behind its standard time; in
// the hours that come twice the judge takes the second, RFC 5545 the first.
const ambiguous = "calcard/109.ics"

// Over ten years every event of the collection takes place at the same instants
// before and after, as python3-dateutil reckons.
func TestCorpusSameInstants(t *testing.T) {
	if err := exec.Command("python3", "-c", "import dateutil").Run(); err != nil {
		corpus(t)
		t.Skip("python3-dateutil is not installed")
	}
	dir := t.TempDir()
	args := []string{"testdata/judge.py"}
	calendars(t, func(name string, b []byte) {
		out, ok := there(t, name, b)
		if !ok || name == ambiguous {
			return
		}
		a := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		w := a + ".written"
		os.WriteFile(a, b, 0o600)
		os.WriteFile(w, out, 0o600)
		args = append(args, a, w)
	})
	said, err := exec.Command("python3", args...).CombinedOutput()
	if s := strings.TrimSpace(string(said)); err != nil || !strings.HasPrefix(s, "judged ") {
		t.Errorf("%v\n%.3000s", err, s)
	}
	t.Logf("%d calendars, %s instants", len(args)/2, strings.TrimSpace(string(said)))
}

// What the machine's zone is makes no difference.
func TestZoneOfTheMachine(t *testing.T) {
	was := time.Local
	defer func() { time.Local = was }()
	sample := []byte(series)
	all := map[string][]byte{"sample": sample}
	if os.Getenv("MAILCONV_CORPUS") != "" {
		calendars(t, func(name string, b []byte) { all[name] = b })
	}
	first := make(map[string][]byte)
	for _, zone := range []string{"UTC", "Asia/Kolkata", "America/St_Johns"} {
		l, err := time.LoadLocation(zone)
		if err != nil {
			t.Skip(err)
		}
		time.Local = l
		for name, b := range all {
			out, ok := there(t, name, b)
			if !ok {
				continue
			}
			if have, ok := first[name]; ok && !bytes.Equal(have, out) {
				t.Errorf("%s: under TZ=%s: %s", name, zone, firstDifference(have, out))
			}
			first[name] = out
		}
		if os.Getenv("MAILCONV_CORPUS") != "" {
			items(t, func(name string, m *mapi.Message) {
				out, _ := written(t, m, &ExportOptions{Losses: true})
				if have, ok := first[name]; ok && !bytes.Equal(have, out) {
					t.Errorf("%s: under TZ=%s: %s", name, zone, firstDifference(have, out))
				}
				first[name] = out
			})
		}
	}
}
