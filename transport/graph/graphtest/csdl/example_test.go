package csdl_test

import (
	"fmt"
	"strings"

	"github.com/mailconv/mailconv/transport/graph/graphtest/csdl"
)

func ExampleSchema_Check() {
	s, err := csdl.Parse(strings.NewReader(`<Schema Namespace="shop" Alias="shop">
	  <ComplexType Name="order"><Property Name="count" Type="Edm.Int32" Nullable="false"/><Property Name="color" Type="shop.color"/></ComplexType>
	  <EnumType Name="color"><Member Name="red"/></EnumType>
	</Schema>`))
	if err != nil {
		panic(err)
	}
	for _, wrong := range s.Check("shop.order", map[string]any{"count": nil, "color": "blue", "colour": "red"}) {
		fmt.Println(wrong)
	}
	// Output:
	// color: blue is no member of shop.color
	// colour: shop.order has no such property
	// count: null in the place of Edm.Int32
}
