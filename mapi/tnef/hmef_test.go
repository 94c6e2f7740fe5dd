package tnef

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// poi is the class path of Apache POI as Debian lays it out.
const poi = "/usr/share/java/poi.jar:/usr/share/java/poi-scratchpad.jar:/usr/share/java/commons-math3.jar:/usr/share/java/commons-collections4.jar:/usr/share/java/commons-codec.jar:/usr/share/java/commons-compress.jar"

// TestCorpusAttachmentsOfPOI holds the reader to whatever attachment Apache POI
// HMEF finds, by content.
func TestCorpusAttachmentsOfPOI(t *testing.T) {
	if testing.Short() {
		t.Skip("LEFT OUT in short mode: it starts a JVM for each file")
	}
	files := corpus(t)
	if _, err := os.Stat("/usr/share/java/poi-scratchpad.jar"); err != nil {
		t.Skip("LEFT OUT: Apache POI is not installed (make test-deps)")
	}
	classes := t.TempDir()
	if out, err := exec.Command("javac", "-cp", poi, "-d", classes, "testdata/judge/Hmef.java").CombinedOutput(); err != nil {
		t.Skipf("LEFT OUT: javac: %v: %s", err, out)
	}
	found, judged := 0, 0
	for _, path := range files {
		have := map[string]string{}
		if m, _, err := open(t, path); err == nil {
			contents(t, m, have)
		}
		// It hangs or runs out of memory on some of the damaged files.
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		out, err := exec.CommandContext(ctx, "java", "-Xmx256m", "-cp", classes+":"+poi, "Hmef", path).Output()
		cancel()
		if err != nil {
			t.Logf("HMEF cannot read %s to its end: %v", filepath.Base(path), err)
		} else {
			judged++
		}
		for line := range strings.Lines(string(out)) {
			var n int
			var whole, rest string
			if _, err := fmt.Sscan(line, &n, &whole, &rest); err != nil || n == 0 {
				continue
			}
			found++
			_, a := have[whole]
			_, b := have[rest]
			if !a && !b {
				t.Errorf("%s: HMEF finds an attachment of %d bytes, which is not there", filepath.Base(path), n)
			}
		}
	}
	t.Logf("%d of %d files read by HMEF, %d attachments", judged, len(files), found)
	if found == 0 {
		t.Error("HMEF found nothing at all")
	}
}
