package csdl_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mailconv/mailconv/mapi"
	"github.com/mailconv/mailconv/transport/graph/graphtest/csdl"
)

const small = `<edmx><Schema Namespace="a.graph" Alias="graph">
  <EntityType Name="entity" Abstract="true"><Property Name="id" Type="Edm.String" Nullable="false"/></EntityType>
  <EntityType Name="item" BaseType="a.graph.entity" OpenType="true">
    <Property Name="when" Type="Edm.DateTimeOffset"/>
    <Property Name="day" Type="Edm.Date"/>
    <Property Name="at" Type="Edm.TimeOfDay"/>
    <Property Name="n" Type="Edm.Int32" Nullable="false"/>
    <Property Name="data" Type="Edm.Binary"/>
    <Property Name="on" Type="Edm.Boolean"/>
    <Property Name="color" Type="graph.color"/>
    <Property Name="tags" Type="Collection(Edm.String)"/>
    <Property Name="odd" Type="graph.nowhere"/>
    <NavigationProperty Name="parts" Type="Collection(graph.part)"/>
  </EntityType>
  <EntityType Name="part" BaseType="graph.entity"/>
  <EntityType Name="bigPart" BaseType="graph.part"><Property Name="big" Type="Edm.Boolean"/></EntityType>
  <ComplexType Name="body"><Property Name="need" Type="Edm.String" Required="true"/></ComplexType>
  <EnumType Name="color"><Member Name="red" Value="0"/></EnumType>
</Schema></edmx>`

func TestCheck(t *testing.T) {
	s, err := csdl.Parse(strings.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ typ, text, wrong string }{
		{"graph.item", `{"id":"1","when":"2024-02-29T01:02:03.5Z","day":"2024-02-29","at":"08:00:00.0000000","n":7,"data":"AQI=","on":true,"color":"red","tags":["a"],"parts":[{"id":"2"}]}`, ""},
		{"graph.item", `{"when":null,"tags":[],"@odata.etag":"x","parts@odata.context":"x"}`, ""},
		{"graph.item", `{"colour":"red"}`, "colour: graph.item has no such property"},
		{"graph.item", `{"color":"blue"}`, "color: blue is no member of graph.color"},
		{"graph.item", `{"color":0}`, "color: 0 is no member"},
		{"graph.item", `{"n":"7"}`, `n: "7" is no Edm.Int32`},
		{"graph.item", `{"n":7.5}`, `is no Edm.Int32`},
		{"graph.item", `{"n":4294967296}`, `is no Edm.Int32`},
		{"graph.item", `{"n":null}`, `n: null in the place of Edm.Int32`},
		{"graph.item", `{"id":null}`, `id: null in the place of Edm.String`},
		{"graph.item", `{"when":"2024-02-29"}`, `is no Edm.DateTimeOffset`},
		{"graph.item", `{"when":"2024-02-29T01:02:03"}`, `is no Edm.DateTimeOffset`},
		{"graph.item", `{"day":"2023-02-29"}`, `is no Edm.Date`},
		{"graph.item", `{"at":"8 o'clock"}`, `is no Edm.TimeOfDay`},
		{"graph.item", `{"data":"*"}`, `is no Edm.Binary`},
		{"graph.item", `{"on":"true"}`, `is no Edm.Boolean`},
		{"graph.item", `{"tags":"a"}`, `tags: string in the place of Collection(Edm.String)`},
		{"graph.item", `{"tags":[null]}`, `tags[0]: null in the place of Edm.String`},
		{"graph.item", `{"odd":{}}`, `odd: the type graph.nowhere is not known`},
		{"graph.item", `{"parts":[{"big":true}]}`, `parts[0].big: graph.part has no such property`},
		{"graph.item", `{"parts":[{"@odata.type":"#microsoft.graph.bigPart","big":true}]}`, ``},
		{"graph.item", `{"parts":[{"@odata.type":"#microsoft.graph.item"}]}`, `in the place of graph.part`},
		{"graph.item", `{"parts":[{"@odata.type":"#microsoft.graph.what"}]}`, `is not known`},
		{"graph.item", `{"@odata.what":"x"}`, `has no such property`},
		{"graph.item", `{"where@odata.context":"x"}`, `has no such property`},
		{"graph.item", `[]`, `in the place of graph.item`},
		{"graph.body", `{}`, `need is missing`},
		{"graph.nowhere", `{}`, `the type graph.nowhere is not known`},
		{"Collection(graph.part)", `{"@odata.nextLink":"u","value":[{"id":"1"}]}`, ""},
		{"Collection(graph.part)", `{"@odata.nextLink":"u","@odata.deltaLink":"u","value":[]}`, "either a nextLink or a deltaLink"},
		{"Collection(graph.part)", `{"values":[]}`, "values: no control information"},
		{"Collection(graph.part)", `{"value":[{"x":1}]}`, "value[0].x: graph.part has no such property"},
		{"Collection(graph.part)", `{"value":[{"id":"1","@removed":{"reason":"deleted"}}]}`, ""},
	} {
		d := json.NewDecoder(strings.NewReader(c.text))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		got := strings.Join(s.Check(c.typ, v), "\n")
		if c.wrong == "" && got != "" || !strings.Contains(got, c.wrong) {
			t.Errorf("%s %s\n got %q\nwant %q", c.typ, c.text, got, c.wrong)
		}
	}
	if got := s.Check("graph.item", map[string]any{"data": mapi.Bytes("x")}); got != nil {
		t.Errorf("a blob is binary: %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "<a/>", "<Schema><EntityType></Schema>"} {
		if _, err := csdl.Parse(strings.NewReader(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// Every type that a property of the schema of Graph names, and that mail uses,
// is defined in it or by hand.
func TestGraph(t *testing.T) {
	s, err := csdl.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if s == nil {
		t.Skip("MAILCONV_REFERENCE is not set: the schema of Microsoft Graph is not at hand")
	}
	for _, n := range []string{
		"graph.message", "graph.mailFolder", "graph.event", "graph.contact", "graph.todoTask", "graph.fileAttachment",
		"graph.uploadSession", "graph.exportItemResponse", "graph.mailboxItemImportSession", "graph.sendMailBody",
		"graph.batchBody", "graph.importItemBody", "graph.translateExchangeIdsBody", "graph.user",
	} {
		if !s.Has(n) {
			t.Errorf("%s is not there", n)
		}
	}
	ok := map[string]any{"subject": "x", "importance": "high", "toRecipients": []any{map[string]any{"emailAddress": map[string]any{"address": "a@b.example"}}}}
	if w := s.Check("graph.sendMailBody", map[string]any{"message": ok, "saveToSentItems": false}); w != nil {
		t.Errorf("a good mail is refused: %q", w)
	}
	ok["importance"] = "urgent"
	if w := s.Check("graph.message", ok); len(w) != 1 {
		t.Errorf("an unknown importance passes: %q", w)
	}
}
