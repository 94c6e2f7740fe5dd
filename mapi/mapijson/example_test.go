package mapijson_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/mapi/mapijson"
)

func ExampleEncode() {
	m := &mapi.Message{}
	m.Props.Set(mapi.PidTagSubject, mapi.StringValue("Größe"))
	m.Props.SetName(mapi.PidLidReminderSet, mapi.BoolValue(true))
	if err := mapijson.Encode(context.Background(), os.Stdout, m); err != nil {
		panic(err)
	}
	// Output:
	// {
	//   "format": "mailconv.message",
	//   "version": 1,
	//   "properties": [
	//     {"tag": "0037001F", "name": "PidTagSubject", "type": "PtypString", "value": "Größe"},
	//     {"tag": "0000000B", "name": "PidLidReminderSet", "set": "00062008-0000-0000-c000-000000000046", "lid": 34051, "type": "PtypBoolean", "value": true}
	//   ],
	//   "recipients": [],
	//   "attachments": []
	// }
}

// A message written by hand needs little.
func ExampleDecode() {
	text := `{"properties": [
		{"name": "PidTagMessageClass", "value": "IPM.Task"},
		{"name": "PidLidPercentComplete", "value": 0.5}]}`
	m, problems, err := mapijson.Decode(context.Background(), strings.NewReader(text), int64(len(text)))
	if err != nil {
		panic(err)
	}
	v, _ := m.Props.GetName(mapi.PidLidPercentComplete)
	f, _ := v.Float()
	fmt.Println(m.Class(), f, len(problems))
	// Output: IPM.Task 0.5 0
}
