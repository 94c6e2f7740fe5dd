package calendar

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/mailconv/mailconv/mapi"
)

// The parts of a Global Object ID. [MS-OXOCAL] 2.2.1.27
var (
	byteArrayID = [16]byte{0x04, 0, 0, 0, 0x82, 0, 0xE0, 0, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 0x08}
	vCalUID     = []byte("vCal-Uid\x01\x00\x00\x00")
)

const (
	goidDate = 16 // YH, YL, month, day
	goidSize = 36
	goidData = 40
	maxUID   = 16 << 10
)

// goidFromUID makes PidLidCleanGlobalObjectId of a UID: hexadecimal digits of
// one give it back, any other is wrapped. [MS-OXCICAL] 2.1.3.1.1.20.26
func goidFromUID(uid string) []byte {
	if b, err := hex.DecodeString(uid); err == nil && len(b) >= goidData && bytes.Equal(b[:16], byteArrayID[:]) {
		clear(b[goidDate : goidDate+4])
		return b
	}
	uid = uid[:min(len(uid), maxUID)]
	data := append(append([]byte(nil), vCalUID...), uid...)
	data = append(data, 0)
	b := make([]byte, goidSize, goidData+len(data))
	copy(b, byteArrayID[:])
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

// withDate is a Global Object ID of the occurrence on a day.
func withDate(goid []byte, clock time.Time) []byte {
	b := append([]byte(nil), goid...)
	if len(b) >= goidDate+4 {
		binary.BigEndian.PutUint16(b[goidDate:], uint16(clock.Year()))
		b[goidDate+2], b[goidDate+3] = byte(clock.Month()), byte(clock.Day())
	}
	return b
}

// dateOf is the day of the occurrence that a Global Object ID stands for, as a
// DATE; "" for a whole series.
func dateOf(goid []byte) string {
	if len(goid) < goidSize || !bytes.Equal(goid[:16], byteArrayID[:]) || [4]byte(goid[goidDate:]) == [4]byte{} {
		return ""
	}
	return time.Date(int(binary.BigEndian.Uint16(goid[goidDate:])), time.Month(goid[goidDate+2]), int(goid[goidDate+3]), 0, 0, 0, 0, time.UTC).Format("20060102")
}

// uidFromGOID is the UID of a Global Object ID.
func uidFromGOID(b []byte) string {
	if len(b) >= goidData && bytes.Equal(b[:16], byteArrayID[:]) && bytes.HasPrefix(b[goidData:], vCalUID) {
		uid := bytes.TrimRight(b[goidData+len(vCalUID):], "\x00")
		return strings.ToValidUTF8(string(uid), "?")
	}
	b = append([]byte(nil), b...)
	if len(b) >= goidDate+4 && bytes.Equal(b[:16], byteArrayID[:]) {
		clear(b[goidDate : goidDate+4])
	}
	return strings.ToUpper(hex.EncodeToString(b))
}

// uidOf is the UID of a message; one without an identifier gets one that
// depends on what it says.
func uidOf(m *mapi.Message) (uid string, made bool) {
	// QUIRK: the clean one can be another altogether (corpus
	// pst/aspose.email-for-.net/SampleOstFile.ost); [MS-OXCICAL] takes the first.
	for _, n := range []mapi.Name{mapi.PidLidGlobalObjectId, mapi.PidLidCleanGlobalObjectId} {
		if v, ok := m.Props.GetName(n); ok && len(v.Raw()) > 0 {
			return uidFromGOID(v.Raw()), false
		}
	}
	h := sha256.New()
	if b := m.Props.Bytes(mapi.PidTagSearchKey); len(b) > 0 {
		h.Write(b)
	} else {
		for _, t := range []mapi.Tag{mapi.PidTagSubject, mapi.PidTagMessageClass} {
			h.Write([]byte(m.Props.Text(t)))
			h.Write([]byte{0})
		}
		for _, n := range []mapi.Name{mapi.PidLidAppointmentStartWhole, mapi.PidLidAppointmentEndWhole, mapi.PidLidTaskDueDate, mapi.PidLidLogStart, mapi.PidLidCommonStart} {
			v, _ := m.Props.GetName(n)
			h.Write(v.Raw())
			h.Write([]byte{0})
		}
		b, _ := m.Props.Get(mapi.PidTagCreationTime)
		h.Write(b.Raw())
	}
	return hex.EncodeToString(h.Sum(nil)[:16]) + "@mailconv.invalid", true
}
