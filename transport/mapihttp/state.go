package mapihttp

import (
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/rop"
)

// A syncState is the state of a synchronization: what of a folder the client
// has seen. [MS-OXCFXICS] 2.2.1.1
type syncState struct{ props []stateProperty }

type stateProperty struct {
	tag  mapi.Tag
	data []byte
}

// stateTags are the properties of a state, as they are uploaded.
var stateTags = []mapi.Tag{rop.StateIdsetGiven, rop.StateCnsetSeen, rop.StateCnsetFAI, rop.StateCnsetRead}

// stateOf picks the state out of the properties at the end of a stream.
func stateOf(ps mapi.Properties) syncState {
	var s syncState
	for _, tag := range stateTags {
		if p, ok := ps.GetID(tag.ID()); ok && p.Value.InMemory() {
			s.props = append(s.props, stateProperty{tag, p.Value.Raw()})
		}
	}
	return s
}

// token is the state as text.
func (s syncState) token() string {
	if len(s.props) == 0 {
		return ""
	}
	var b []byte
	for _, p := range s.props {
		b = binary.LittleEndian.AppendUint32(b, uint32(p.tag))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.data)))
		b = append(b, p.data...)
	}
	return "ics1:" + base64.RawStdEncoding.EncodeToString(b)
}

var errToken = errors.New("this is not a state of this kind of store")

// parseToken reads a state.
func parseToken(token string) (syncState, error) {
	var s syncState
	if token == "" {
		return s, nil
	}
	if len(token) < 5 || token[:5] != "ics1:" {
		return s, errToken
	}
	b, err := base64.RawStdEncoding.DecodeString(token[5:])
	if err != nil {
		return s, errToken
	}
	for len(b) > 0 {
		if len(b) < 8 {
			return s, errToken
		}
		tag, n := mapi.Tag(binary.LittleEndian.Uint32(b)), int64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		if n > int64(len(b)) {
			return s, errToken
		}
		s.props = append(s.props, stateProperty{tag, b[:n:n]})
		b = b[n:]
	}
	return s, nil
}
