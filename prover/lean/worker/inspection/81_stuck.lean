/-! The constant at which computing a proposition stops, because the library does not hold its body. -/

/-- The `Decidable` instance of a closed proposition. -/
def decidableOf (session : Session) (st : Command.State) (type : Expr) : IO (Option Expr) := do
  let scope := scopeOf st
  let initHeartbeats ← IO.getNumHeartbeats
  let core : Core.Context := { fileName := "", fileMap := default, options := scope.opts, cancelTk? := some session.token, initHeartbeats }
  let coreState ← IO.mkRef ({ env := st.env } : Core.State)
  let metaState ← IO.mkRef ({} : Meta.State)
  match ← ((Meta.synthInstance? (.app (.const ``Decidable []) type) none) {} metaState core coreState).toIO' with
  | .ok (some found) => return if found.hasMVar || found.hasFVar then none else some found
  | _ => return none

/-- The library constant at which the evaluation of a closed term stops, because its body is absent. -/
def stuckAt (env : Environment) : Nat → Expr → Option Name
  | 0, _ => none
  | depth + 1, e => match Kernel.whnf env {} e with
    | .error _ => none
    | .ok e => match e.getAppFn with
      | .proj _ _ inner => stuckAt env depth inner
      | .const n _ => match env.find? n with
        | some (.axiomInfo v) => match hidden env v with
          | .value => some n
          | _ => none
        | some (.recInfo v) => below e v.getMajorIdx depth
        | some (.quotInfo v) => match v.kind with
          | .lift => below e 5 depth
          | .ind => below e 4 depth
          | _ => none
        | _ => none
      | _ => none
where
  below (e : Expr) (i depth : Nat) : Option Name := if i < e.getAppNumArgs then stuckAt env depth (e.getArg! i) else none
