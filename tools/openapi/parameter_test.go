package main

import "testing"

func TestFinish(t *testing.T) {
	const document = `{
  "paths": {
    "/v1/sites": {
      "get": {}
    },
    "/v1/sites/{name}/keys/{name_1}:revoke": {
      "post": {
        "parameters": [
          {
            "name": "name",
            "in": "path",
            "description": "\"sites/{site}/keys/{id}\"."
          },
          {
            "name": "name_1",
            "in": "path",
            "required": true
          },
          {
            "name": "name",
            "in": "query"
          }
        ]
      }
    }
  },
  "components": {}
}
`
	const want = `{
  "paths": {
    "/v1/sites": {
      "get": {}
    },
    "/v1/sites/{site}/keys/{key}:revoke": {
      "post": {
        "parameters": [
          {
            "name": "site",
            "in": "path",
            "description": "The site part of the resource name: \"sites/{site}/keys/{id}\"."
          },
          {
            "name": "key",
            "in": "path",
            "required": true
          },
          {
            "name": "name",
            "in": "query"
          }
        ]
      }
    }
  },
  "components": {}
}
`
	if got := finish(document); got != want {
		t.Errorf("document is\n%s\nwant\n%s", got, want)
	}
}
