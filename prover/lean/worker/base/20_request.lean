/-! Requests and answers as JSON. -/

def field (j : Json) (key : String) : Json := match j.getObjVal? key with
  | .ok v => v
  | .error _ => .null

def strField (j : Json) (key : String) : String := match field j key with
  | .str s => s
  | _ => ""

def hasField (j : Json) (key : String) : Bool := match field j key with
  | .null => false
  | _ => true

def natField (j : Json) (key : String) (default : Nat) : Nat := match (field j key).getNat? with
  | .ok n => n
  | .error _ => default

def strsField (j : Json) (key : String) : List String := match field j key with
  | .arr items => go items.toList []
  | _ => []
where
  go : List Json → List String → List String
    | [], acc => reverseList acc []
    | .str s :: rest, acc => go rest (s :: acc)
    | _ :: rest, acc => go rest acc

def listField (j : Json) (key : String) : List Json := match field j key with
  | .arr items => items.toList
  | _ => []

def namesOf : List String → List Name → List Name
  | [], acc => acc
  | s :: rest, acc => namesOf rest (parseName s :: acc)

def jsonStrings : List String → Array Json → Json
  | [], acc => .arr acc
  | s :: rest, acc => jsonStrings rest (acc.push (.str s))

def jsonNames : List Name → Array Json → Json
  | [], acc => .arr acc
  | n :: rest, acc => jsonNames rest (acc.push (.str (nameString n)))

structure Limits where
  heartbeats : Nat
  recursion : Nat
  messages : Nat
  messageBytes : Nat

def Limits.ofJson (j : Json) : Limits where
  heartbeats := natField j "heartbeats" 200000
  recursion := natField j "recursion" 512
  messages := natField j "messages" 20
  messageBytes := natField j "message_bytes" 4000

/-- Permissions of a check beyond the vetting lists. `guard` is the library theorem that is proved anew and must not be
    used. With `holes`, the candidate is a file that is elaborated from the header alone, and the values of these
    definitions may differ from those in the context. With `whole`, a `sorry` anywhere in the candidate counts, not only
    one on which the theorem depends. -/
structure Policy where
  axioms : List Name
  kinds : List Name
  guard : Option Name
  holes : Option (List Name)
  whole : Bool

def Policy.ofJson (j : Json) : Policy where
  axioms := namesOf (strsField j "axioms") []
  kinds := namesOf (strsField j "kinds") []
  guard := match strField j "guard" with
    | "" => none
    | s => some (parseName s)
  whole := match field j "whole" with
    | .bool b => b
    | _ => false
  holes := if hasField j "holes" then some (namesOf (strsField j "holes") []) else none

/-- The theorem of a request, and the terms of its check. `key` identifies header, context, limits, and the policy's
    axioms and kinds; `root` identifies the same without the context. -/
structure Task where
  imports : List String
  prelude : String
  context : String
  statement : String
  limits : Limits
  policy : Policy
  key : String
  root : String

def Task.ofJson (j : Json) : Task :=
  let header := field j "header"
  let imports := strsField header "imports"
  let limits := field j "limits"
  let policy := field j "policy"
  let keyOf (context : Json) := Json.compress (.arr #[jsonStrings imports #[], field header "prelude", context, limits, field policy "axioms", field policy "kinds"])
  { imports, prelude := strField header "prelude", context := strField j "context", statement := strField j "statement",
    limits := Limits.ofJson limits, policy := Policy.ofJson policy, key := keyOf (field j "context"), root := keyOf .null }

/-- A name as the list of its parts. Joined by dots, a part that contains a dot would become two parts, and a number
    would become text. -/
def nameJson (n : Name) : Json := .arr (go n [])
where
  go : Name → List Json → Array Json
    | .anonymous, acc => acc.toArray
    | .str p s, acc => go p (.str s :: acc)
    | .num p k, acc => go p (.num k :: acc)

def nameOfJson (j : Json) : Name := match j with
  | .arr parts => go parts.toList .anonymous
  | _ => .anonymous
where
  go : List Json → Name → Name
    | [], n => n
    | .str s :: rest, n => go rest (.str n s)
    | j :: rest, n => match j.getNat? with
      | .ok k => go rest (.num n k)
      | .error _ => n

/-- The text of a request to which a position belongs. -/
inductive Region where
  | header | context | statement | candidate

def Region.toString : Region → String
  | .header => "header"
  | .context => "context"
  | .statement => "statement"
  | .candidate => "candidate"

/-- A message of an answer. `line` counts from 1, `column` counts code points from 0. -/
structure Note where
  severity : String
  region : Region
  line : Nat
  column : Nat
  text : String

/-- The longest prefix of whole characters within `bytes` bytes, and whether anything was cut off. -/
def cut (text : String) (bytes : Nat) : String × Bool :=
  if text.utf8ByteSize ≤ bytes then (text, false)
  else (go text.toList bytes "", true)
where
  go : List Char → Nat → String → String
    | [], _, acc => acc
    | c :: cs, remaining, acc => if c.utf8Size ≤ remaining then go cs (remaining - c.utf8Size) (acc.push c) else acc

/-- An error about a text as a whole. -/
def errorNote (region : Region) (text : String) : Note := { severity := "error", region, line := 1, column := 0, text }

def Note.toJson (limits : Limits) (n : Note) : Json :=
  let (text, truncated) := cut n.text limits.messageBytes
  let fields := [("severity", Json.str n.severity), ("region", .str n.region.toString),
    ("line", .num n.line), ("column", .num n.column), ("text", .str text)]
  Json.mkObj (if truncated then ("truncated", .bool true) :: fields else fields)

def notesJson (limits : Limits) (notes : List Note) : Json :=
  .arr (go notes #[])
where
  go : List Note → Array Json → Array Json
    | [], acc => acc
    | n :: ns, acc => go ns (acc.push (n.toJson limits))
