package spinetest

import (
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func marshalJSON(in proto.Message) ([]byte, error) { return protojson.Marshal(in) }

func unmarshalJSON(text []byte, out proto.Message) error { return protojson.Unmarshal(text, out) }
