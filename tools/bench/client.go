package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
)

// client speaks ClickHouse's HTTP interface, in Native blocks of revision 0.
type client struct {
	url string
}

// post sends a statement, with data behind it if there are any.
func (c *client) post(ctx context.Context, sql string, data io.Reader) (io.ReadCloser, error) {
	target := c.url + "/?query=" + url.QueryEscape(sql)
	if data == nil {
		target, data = c.url+"/", strings.NewReader(sql)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, data)
	if err != nil {
		return nil, fmt.Errorf("making the request of %.80q: %w", sql, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("sending %.80q: %w", sql, err)
	}
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 2000)) // what came is all there is to say
		_ = res.Body.Close()
		return nil, fmt.Errorf("running %.300q: %s: %s", sql, res.Status, bytes.TrimSpace(text))
	}
	return res.Body, nil
}

// exec runs a statement and gives its answer as text.
func (c *client) exec(ctx context.Context, sql string) (string, error) {
	body, err := c.post(ctx, sql, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }() // read to its end
	text, err := io.ReadAll(body)
	if err != nil {
		return "", fmt.Errorf("reading the answer to %.80q: %w", sql, err)
	}
	return string(text), nil
}

// insert sends one block.
func (c *client) insert(ctx context.Context, into string, input proto.Input) error {
	buf := proto.Buffer{}
	block := proto.Block{Columns: len(input), Rows: input[0].Data.Rows()}
	if err := block.EncodeRawBlock(&buf, 0, input); err != nil {
		return fmt.Errorf("encoding %d rows for %s: %w", block.Rows, into, err)
	}
	sql := "INSERT INTO " + into + " " + input.Columns() + " FORMAT Native"
	body, err := c.post(ctx, strings.ReplaceAll(sql, `"`, "`"), bytes.NewReader(buf.Buf))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, body)
	return errors.Join(err, body.Close())
}

// stream runs a SELECT, decodes each of its blocks into what columns gives, and calls each.
func (c *client) stream(
	ctx context.Context, sql string, columns func() proto.Results, each func(),
) error {
	body, err := c.post(ctx, sql+" FORMAT Native", nil)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // read to its end, or given up
	reader := proto.NewReader(body)
	for {
		var block proto.Block
		err := block.DecodeRawBlock(reader, 0, columns())
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("decoding a block of %.80q: %w", sql, err)
		}
		each()
	}
}
