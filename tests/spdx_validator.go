// Says whether files are SPDX 2.3 documents, by the SPDX project's own library:
// it reads them, checks what their relationships name, finds nothing in them that
// its model lacks, and reads them again from SPDX's tag-value form.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdxlib"
	"github.com/spdx/tools-golang/tagvalue"
)

func read(text []byte) (*spdx.Document, error) {
	document, err := spdxjson.Read(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return document, spdxlib.ValidateDocument(document)
}

func holdsAll(document *spdx.Document, text []byte) error {
	var written bytes.Buffer
	if err := spdxjson.Write(document, &written); err != nil {
		return err
	}
	var before, after any
	if err := json.Unmarshal(text, &before); err != nil {
		return err
	}
	if err := json.Unmarshal(written.Bytes(), &after); err != nil {
		return err
	}
	if !reflect.DeepEqual(before, after) {
		return errors.New("it has fields or values that SPDX 2.3 has not")
	}
	return nil
}

func readTagValue(document *spdx.Document) error {
	var written bytes.Buffer
	if err := tagvalue.Write(document, &written); err != nil {
		return err
	}
	again, err := tagvalue.Read(&written)
	if err != nil {
		return err
	}
	return spdxlib.ValidateDocument(again)
}

func validate(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	document, err := read(text)
	if err != nil {
		return err
	}
	if document.SPDXVersion != "SPDX-2.3" {
		return fmt.Errorf("its version is %q", document.SPDXVersion)
	}
	if err := holdsAll(document, text); err != nil {
		return err
	}
	return readTagValue(document)
}

func main() {
	for _, name := range os.Args[1:] {
		if err := validate(name); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
	}
}
