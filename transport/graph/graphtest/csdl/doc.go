// Package csdl holds JSON against the types of an OData service: which
// properties a type has, which values they take, which members an enumeration
// has. What is unknown is an error. [OData-CSDL-XML 4.01]
//
// Start from [Parse], which reads a schema, and [Schema.Check], which judges
// one JSON value. [Graph] adds the types that the pages of Microsoft Graph
// describe and its mail schema lacks.
//
// Not supported: functions and actions (their parameters are types of [Graph]),
// key and navigation constraints, facets such as MaxLength.
package csdl
