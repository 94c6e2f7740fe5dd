package ntlm

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"testing"
	"time"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The example of the specification: user User, domain Domain, password
// Password, server challenge 0123456789abcdef, client challenge aa.., time 0.
// [MS-NLMP] 4.2.4
func TestTheExampleOfTheSpecification(t *testing.T) {
	key := responseKey("Password", "User", "Domain")
	if got := hex.EncodeToString(key); got != "0c868a403bfd7a93a3001ef22ef02e3f" {
		t.Errorf("NTOWFv2 is %s", got)
	}
	// Server challenge and target information of 4.2.4, as a message of ours.
	info := unhex(t, "02000c0044006f006d00610069006e0001000c005300650072007600650072000000"+"0000")
	ch := append([]byte(signature), typeChallenge, 0, 0, 0)
	ch = append(ch, make([]byte, 8)...)
	ch = binary.LittleEndian.AppendUint32(ch, flags)
	ch = append(ch, unhex(t, "0123456789abcdef")...)
	ch = append(ch, make([]byte, 8)...)
	ch = binary.LittleEndian.AppendUint16(ch, uint16(len(info)))
	ch = binary.LittleEndian.AppendUint16(ch, uint16(len(info)))
	ch = binary.LittleEndian.AppendUint32(ch, challengeSize)
	ch = append(ch, info...)
	s := source{
		now:    func() time.Time { return time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC) },
		random: func(b []byte) { copy(b, bytes.Repeat([]byte{0xaa}, 8)) },
	}
	b, err := s.authenticate(Negotiate(), ch, Credentials{User: `Domain\User`, Password: "Password"})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, unhex(t, "68cd0ab851e51c96aabc927bebef6a1c")) {
		t.Errorf("NTProofStr is not in %x", b)
	}
	if !bytes.Contains(b, unhex(t, "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa")) {
		t.Errorf("LMv2 response is not in %x", b)
	}
}

func TestDamagedChallenges(t *testing.T) {
	whole := append([]byte(signature), typeChallenge, 0, 0, 0)
	whole = append(whole, make([]byte, challengeSize-len(whole))...)
	binary.LittleEndian.PutUint32(whole[challengeFlags:], flags)
	with := func(at int, b ...byte) []byte {
		c := bytes.Clone(whole)
		copy(c[at:], b)
		return c
	}
	for name, ch := range map[string][]byte{
		"empty":             nil,
		"short":             whole[:40],
		"another type":      with(8, 3),
		"info beyond":       with(challengeTargetInfo, 8, 0, 8, 0, 0xff, 0xff, 0xff, 0xff),
		"half a pair":       append(with(challengeTargetInfo, 3, 0, 3, 0, challengeSize, 0, 0, 0), 1, 0, 0),
		"pair beyond":       append(with(challengeTargetInfo, 4, 0, 4, 0, challengeSize, 0, 0, 0), 1, 0, 9, 0),
		"no Unicode, no v2": with(challengeFlags, 0, 0, 0, 0),
	} {
		if b, err := Authenticate(Negotiate(), ch, Credentials{User: "u", Password: "p"}); err == nil {
			t.Errorf("%s: answered with %x", name, b)
		}
	}
	if _, err := Authenticate(Negotiate(), whole, Credentials{User: "u", Password: "p"}); err != nil {
		t.Errorf("a challenge without information: %v", err)
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add([]byte(signature + "\x02\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, ch []byte) {
		_, _ = Authenticate(Negotiate(), ch, Credentials{User: `d\u`, Password: "p", Binding: make([]byte, 16)})
	})
}
